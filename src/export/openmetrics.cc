#include "src/export/openmetrics.h"

#include <charconv>
#include <cmath>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"

namespace tlsmeter::agent {
namespace {

constexpr std::string_view kTotal = "_total";

// Bytes of the client random in an exemplar. All its labels together may have 128 characters.
constexpr size_t kRandomPrefix = 8;

// The same escapes for label values and help texts.
void AppendEscaped(std::string_view text, std::string* out) {
  for (const char c : text) {
    if (c == '\n') {
      out->append("\\n");
      continue;
    }
    if (c == '"' || c == '\\') out->push_back('\\');
    out->push_back(c);
  }
}

void AppendNumber(double value, std::string* out) {
  if (std::isnan(value)) {
    out->append("NaN");
  } else if (std::isinf(value)) {
    out->append(value > 0 ? "+Inf" : "-Inf");
  } else {
    char text[32];
    const auto [end, error] = std::to_chars(text, text + sizeof(text), value);
    out->append(text, end);
  }
}

// A bound in its canonical form: with a decimal point, so that every exposer calls the bucket the same.
void AppendBound(double bound, std::string* out) {
  const size_t begin = out->size();
  AppendNumber(bound, out);
  if (out->find_first_not_of("0123456789", begin) == std::string::npos) out->append(".0");
}

class Writer {
 public:
  explicit Writer(std::span<const PlacedExemplar> exemplars) : exemplars_(exemplars) {}

  void Family(size_t index, const prometheus::MetricFamily& family) {
    name_ = family.name;
    const bool counter = family.type == prometheus::MetricType::Counter;
    if (counter && name_.ends_with(kTotal)) name_.remove_suffix(kTotal.size());
    Head(TypeName(family.type), family.help);
    for (size_t metric = 0; metric < family.metric.size(); ++metric) {
      labels_ = &family.metric[metric].label;
      if (family.type == prometheus::MetricType::Histogram) {
        Histogram(index, metric, family.metric[metric].histogram);
      } else {
        Begin(counter ? kTotal : "");
        out_ += ' ';
        AppendNumber(counter ? family.metric[metric].counter.value : family.metric[metric].gauge.value, &out_);
        out_ += '\n';
      }
    }
  }

  std::string Finish() {
    out_ += "# EOF\n";
    return std::move(out_);
  }

 private:
  static std::string_view TypeName(prometheus::MetricType type) {
    switch (type) {
      case prometheus::MetricType::Counter:
        return "counter";
      case prometheus::MetricType::Histogram:
        return "histogram";
      default:  // the catalogue has no other type
        return "gauge";
    }
  }

  void Head(std::string_view type, std::string_view help) {
    out_.append("# TYPE ").append(name_).append(" ").append(type).append("\n# HELP ").append(name_).append(" ");
    AppendEscaped(help, &out_);
    out_ += '\n';
  }

  // A sample up to its value; `le` is the bound of a bucket.
  void Begin(std::string_view suffix, const double* le = nullptr) {
    out_.append(name_).append(suffix);
    char separator = '{';
    for (const prometheus::ClientMetric::Label& label : *labels_) {
      out_.append(1, separator).append(label.name).append("=\"");
      AppendEscaped(label.value, &out_);
      out_ += '"';
      separator = ',';
    }
    if (le != nullptr) {
      out_.append(1, separator).append("le=\"");
      AppendBound(*le, &out_);
      out_ += '"';
      separator = ',';
    }
    if (separator == ',') out_ += '}';
  }

  void Histogram(size_t family, size_t metric, const prometheus::ClientMetric::Histogram& histogram) {
    for (size_t bucket = 0; bucket < histogram.bucket.size(); ++bucket) {
      Bucket({family, metric, bucket}, histogram.bucket[bucket].upper_bound, histogram.bucket[bucket].cumulative_count);
    }
    Bucket({family, metric, histogram.bucket.size()}, INFINITY, histogram.sample_count);
    Begin("_count");
    out_.append(" ").append(std::to_string(histogram.sample_count)).append("\n");
    Begin("_sum");
    out_ += ' ';
    AppendNumber(histogram.sample_sum, &out_);
    out_ += '\n';
  }

  struct Place {
    size_t family, metric, bucket;
  };

  void Bucket(const Place& place, double bound, uint64_t cumulative) {
    Begin("_bucket", &bound);
    out_.append(" ").append(std::to_string(cumulative));
    if (!exemplars_.empty()) {
      const PlacedExemplar& next = exemplars_.front();
      if (next.family == place.family && next.metric == place.metric && next.bucket == place.bucket) {
        AppendExemplar(next.exemplar);
        exemplars_ = exemplars_.subspan(1);
      }
    }
    out_ += '\n';
  }

  void AppendExemplar(const Exemplar& exemplar) {
    const auto* const random = reinterpret_cast<const char*>(exemplar.client_random.data());
    out_.append(" # {client_random=\"").append(absl::BytesToHexString({random, kRandomPrefix})).append("\"");
    if (exemplar.pid != 0) out_.append(",pid=\"").append(std::to_string(exemplar.pid)).append("\"");
    out_ += "} ";
    AppendNumber(exemplar.seconds, &out_);
    absl::StrAppendFormat(&out_, " %.3f", static_cast<double>(exemplar.time_ns) * 1e-9);
  }

  std::string out_;
  std::span<const PlacedExemplar> exemplars_;  // those that are still to come
  std::string_view name_;                      // of the family, without _total
  const std::vector<prometheus::ClientMetric::Label>* labels_ = nullptr;
};

}  // namespace

std::string OpenMetricsText(const std::vector<prometheus::MetricFamily>& families,
                            std::span<const PlacedExemplar> exemplars) {
  Writer writer(exemplars);
  for (size_t i = 0; i < families.size(); ++i) writer.Family(i, families[i]);
  return writer.Finish();
}

}  // namespace tlsmeter::agent
