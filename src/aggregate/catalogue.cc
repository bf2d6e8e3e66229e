#include "src/aggregate/catalogue.h"

#include "src/aggregate/certificate_catalogue.h"
#include "src/aggregate/chain_issues.h"
#include "src/aggregate/labels.h"
#include "src/image/stack_state.h"

namespace tlsmeter::agent {
namespace {

constexpr MetricType kCounter = MetricType::kCounter;
constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kHistogram = MetricType::kHistogram;

// W is the labels of a workload, with up to three of the family's own.
constexpr std::array<std::string_view, kMaxLabels> W(std::string_view a = {}, std::string_view b = {},
                                                     std::string_view c = {}) {
  return {"role", "namespace", "workload", "workload_type", a, b, c};
}

constexpr std::array<MetricSpec, kMetricCount> kCatalogue = {{
    {Metric::kClientHellos, "tlsmeter_client_hellos_total", kCounter,
     "ClientHello messages seen, one per connection, by the highest TLS version they offer.", W("max_version"), 200,
     kRoleLabels* kVersionLabels + 1},
    {Metric::kHandshakes, "tlsmeter_handshakes_total", kCounter,
     "Handshakes by result; unknown is a handshake of which too little was captured to tell.", W("server_name", "result"),
     2000, kRoleLabels* kResultLabels + 1},
    {Metric::kHandshakeFailures, "tlsmeter_handshake_failures_total", kCounter,
     "Handshakes that failed or were aborted, by the one cause that was found.", W("reason"), 600,
     kRoleLabels* kReasonLabels + 1},
    {Metric::kHandshakeDuration, "tlsmeter_handshake_duration_seconds", kHistogram,
     "ClientHello to the end of the handshake, of successful handshakes whose both ends were seen.", W("resumed"), 1500,
     kRoleLabels * 2 + 1},
    {Metric::kConnectionSetupDuration, "tlsmeter_connection_setup_duration_seconds", kHistogram,
     "TCP connect or accept to the first application byte, of successful handshakes whose both ends were seen.", W(), 900,
     kRoleLabels + 1},
    {Metric::kHandshakePhaseDuration,
     "tlsmeter_handshake_phase_duration_seconds",
     kHistogram,
     "Phases of successful handshakes, each where both its ends were seen.",
     {"role", "phase"},
     195,
     kRoleLabels* kPhaseLabels + 1},
    {Metric::kNegotiations, "tlsmeter_negotiations_total", kCounter,
     "ServerHello messages by what they select; group is none where no key exchange in a named group was seen.",
     W("version", "cipher", "group"), 600, kRoleLabels* kVersionLabels + 1},
    {Metric::kResumptions, "tlsmeter_resumptions_total", kCounter,
     "Successful handshakes by the way the server resumed an earlier session; none is a full handshake.", W("method"), 300,
     kRoleLabels* kResumptionLabels + 1},
    {Metric::kApplicationProtocols, "tlsmeter_application_protocols_total", kCounter,
     "Successful handshakes by negotiated application protocol; not_visible where TLS 1.3 encrypts the answer to an offer.",
     W("alpn"), 200, kRoleLabels* kAlpnLabels + 1},
    {Metric::kAlerts, "tlsmeter_alerts_total", kCounter,
     "Handshakes that an alert ended or that carried a warning, by the alert and by who sent it, seen from the workload.",
     W("sender", "description"), 400, kRoleLabels * 2 * kAlertLabels + 1},
    {Metric::kMutualTlsHandshakes, "tlsmeter_mtls_handshakes_total", kCounter,
     "Handshakes in which the server was seen to ask for a client certificate, by what became of it.", W("result"), 150,
     kRoleLabels* kMutualTlsLabels + 1},
    {Metric::kDowngradeSignals, "tlsmeter_downgrade_signals_total", kCounter,
     "Signs that less was negotiated than both sides can do; one handshake may show several.", W("signal"), 60,
     kRoleLabels* kDowngradeLabels + 1},
    {Metric::kCertificateChainIssues, "tlsmeter_certificate_chain_issues_total", kCounter,
     "Server certificate chains seen with a fault, by the fault; one chain may have several.", W("issue"), 150,
     kRoleLabels* kChainIssueLabels + 1},
    {Metric::kOcspStaples, "tlsmeter_ocsp_staples_total", kCounter,
     "Handshakes whose client asked for an OCSP staple and whose server certificate was seen, by what the staple says.",
     W("status"), 150, kRoleLabels* kOcspStatusLabels + 1},
    {Metric::kCertificateNotAfter, "tlsmeter_certificate_not_after_timestamp_seconds", kGauge,
     "End of validity of a leaf certificate that the workload sent or received in the last day, in Unix time.",
     W("server_name", "fingerprint"), kMaxCertificateUses, 0},
    {Metric::kEarliestCertificateExpiry, "tlsmeter_earliest_certificate_expiry_timestamp_seconds", kGauge,
     "Earliest end of validity in the chains that the workload sent or received in the last day, in Unix time.", W(), 120,
     0},
    {Metric::kCertificateInfo,
     "tlsmeter_certificate_info",
     kGauge,
     "Always 1; the labels say what a certificate seen in the last day is.",
     {"fingerprint", "subject_cn", "issuer_cn", "serial_number", "key_algorithm", "key_bits", "signature_algorithm",
      "self_signed"},
     kMaxCertificates,
     0},
    {Metric::kCertificateLastSeen,
     "tlsmeter_certificate_last_seen_timestamp_seconds",
     kGauge,
     "When a certificate was last seen in a handshake, in Unix time.",
     {"fingerprint"},
     kMaxCertificates,
     0},
    {Metric::kOcspStapleNextUpdate,
     "tlsmeter_ocsp_staple_next_update_timestamp_seconds",
     kGauge,
     "When newer revocation information than the latest staple's is due, in Unix time; the 50 that are due first.",
     {"fingerprint"},
     50,
     0},

    {Metric::kBuildInfo, "tlsmeter_build_info", kGauge, "Always 1; the label says which version runs.", {"version"}, 1, 0},
    {Metric::kConfigReloadSuccessful,
     "tlsmeter_config_last_reload_successful",
     kGauge,
     "1 where the last reading of the configuration file succeeded, 0 where it was refused and the one before stays.",
     {},
     1,
     0},
    {Metric::kConfigReloadSuccessTime,
     "tlsmeter_config_last_reload_success_timestamp_seconds",
     kGauge,
     "When the configuration file was last read with success, in Unix time.",
     {},
     1,
     0},
    {Metric::kAttached,
     "tlsmeter_attached",
     kGauge,
     "1 where the hook is attached, 0 where it could not be.",
     {"hook"},
     20,
     0},
    {Metric::kEvents, "tlsmeter_events_total", kCounter, "What the programs in the kernel noted, by kind.", {"kind"}, 10, 0},
    {Metric::kEventsLost,
     "tlsmeter_events_lost_total",
     kCounter,
     "Events or bytes of a handshake given up, by cause.",
     {"reason"},
     20,
     0},
    {Metric::kParseErrors,
     "tlsmeter_parse_errors_total",
     kCounter,
     "Connections whose bytes could not be parsed, by stage and what was wrong.",
     {"stage"},
     10,
     0},
    {Metric::kBlindHandshakes,
     "tlsmeter_blind_handshakes_total",
     kCounter,
     "Handshakes of which a part could not be seen, by cause.",
     {"reason"},
     10,
     0},
    {Metric::kConnectionsWithoutHandshake,
     "tlsmeter_connections_without_handshake_total",
     kCounter,
     "TCP connections that ended or spoke another protocol before any ClientHello.",
     {"reason"},
     10,
     0},
    {Metric::kLibraryJoins,
     "tlsmeter_library_joins_total",
     kCounter,
     "Handshake records by how the TLS library's facts were joined; none has only those, wire_only has none of them.",
     {"join"},
     5,
     0},
    {Metric::kLibraryProcesses,
     "tlsmeter_library_processes",
     kGauge,
     "Watched processes by the TLS implementation that they use and how well it is seen; all but instrumented are blind.",
     {"stack", "state"},
     kStackViews,
     0},
    {Metric::kTrackedConnections, "tlsmeter_tracked_connections", kGauge, "Connections being followed now.", {}, 1, 0},
    {Metric::kConnectionsEvicted,
     "tlsmeter_connections_evicted_total",
     kCounter,
     "Connections given up before their handshake was over, by cause.",
     {"reason"},
     5,
     0},
    {Metric::kAttribution,
     "tlsmeter_attribution_total",
     kCounter,
     "Handshakes by what named their workload, and by how much became known.",
     {"source", "result"},
     kAttributionSources* kAttributionResults,
     0},
    {Metric::kBpfRunSeconds,
     "tlsmeter_bpf_run_seconds_total",
     kCounter,
     "Time spent in each BPF program; grows only while the kernel keeps BPF statistics.",
     {"program"},
     20,
     0},
    {Metric::kBpfRuns,
     "tlsmeter_bpf_runs_total",
     kCounter,
     "Runs of each BPF program; grows only while the kernel keeps BPF statistics.",
     {"program"},
     20,
     0},
    {Metric::kBpfMapEntries, "tlsmeter_bpf_map_entries", kGauge, "Entries in use of each BPF map.", {"map"}, 15, 0},
    {Metric::kBpfMapMaxEntries,
     "tlsmeter_bpf_map_max_entries",
     kGauge,
     "Entries that each BPF map can hold.",
     {"map"},
     15,
     0},
    {Metric::kLabelSets,
     "tlsmeter_label_sets",
     kGauge,
     "Label sets in use by each family.",
     {"family"},
     kAggregatedFamilies,
     0},
    {Metric::kLabelSetsLimit,
     "tlsmeter_label_sets_limit",
     kGauge,
     "Label sets that each family may use.",
     {"family"},
     kAggregatedFamilies,
     0},
    {Metric::kLabelOverflow,
     "tlsmeter_label_overflow_total",
     kCounter,
     "Observations that were counted under __other__ because a label had no room for another value.",
     {"family", "label"},
     30,
     0},
    {Metric::kExpiredObservations,
     "tlsmeter_expired_observations_total",
     kCounter,
     "Observations whose series vanished, because the server name lost its place or the workload was idle.",
     {"family"},
     kAggregatedFamilies,
     0},

    {Metric::kProcessCpuSeconds,
     "process_cpu_seconds_total",
     kCounter,
     "User and system CPU time of this process.",
     {},
     1,
     0},
    {Metric::kProcessResidentMemory, "process_resident_memory_bytes", kGauge, "Resident memory of this process.", {}, 1, 0},
    {Metric::kProcessVirtualMemory, "process_virtual_memory_bytes", kGauge, "Virtual memory of this process.", {}, 1, 0},
    {Metric::kProcessOpenFds, "process_open_fds", kGauge, "Open file descriptors of this process.", {}, 1, 0},
    {Metric::kProcessStartTime, "process_start_time_seconds", kGauge, "Start of this process, in Unix time.", {}, 1, 0},
}};

constexpr bool RowsStandInOrder() {
  for (size_t i = 0; i < kCatalogue.size(); ++i) {
    if (static_cast<size_t>(kCatalogue[i].metric) != i) return false;
  }
  return true;
}

constexpr bool ReservesFit() {
  for (const MetricSpec& spec : kCatalogue) {
    if (spec.reserve > spec.max_label_sets()) return false;
  }
  return true;
}

constexpr bool BudgetHolds() {
  size_t sum = 0;
  for (const MetricSpec& spec : kCatalogue) sum += spec.cap;
  return sum <= kMaxSeries;
}

static_assert(RowsStandInOrder());
static_assert(ReservesFit(), "a family has no room for all combinations of its closed labels");
static_assert(BudgetHolds());

}  // namespace

std::string_view MetricTypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "untyped";
}

std::span<const MetricSpec> Catalogue() { return kCatalogue; }

const MetricSpec& SpecOf(Metric metric) { return kCatalogue[static_cast<size_t>(metric)]; }

}  // namespace tlsmeter::agent
