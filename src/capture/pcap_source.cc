#include "src/capture/pcap_source.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio_ext.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tlsmeter::agent {
namespace {

// libpcap reads each packet twice, through stdio, whose own buffer holds no more than a page.
constexpr size_t kReadAhead = 256 * 1024;

std::optional<LinkType> LinkTypeOf(int dlt) {
  switch (dlt) {
    case DLT_EN10MB:
      return LinkType::kEthernet;
    case DLT_LINUX_SLL:
      return LinkType::kLinuxCooked;
    case DLT_LINUX_SLL2:
      return LinkType::kLinuxCooked2;
    case DLT_RAW:
    case DLT_IPV4:
    case DLT_IPV6:
      return LinkType::kRawIp;
    case DLT_NULL:
    case DLT_LOOP:
      return LinkType::kNull;
    case DLT_PPP:
    case DLT_PPP_SERIAL:
      return LinkType::kPpp;
    case DLT_PPP_ETHER:
      return LinkType::kPppoe;
    default:
      return std::nullopt;
  }
}

// What libpcap could not do, with what can be done about it.
std::string Explain(std::string_view error) {
  std::string text(error);
  if (text.find("different from the type of the first interface") != std::string::npos) {
    absl::StrAppend(&text, "; libpcap reads one link type a file: capture each interface to a file of its own");
  } else if (text.find("unknown file format") != std::string::npos) {
    absl::StrAppend(&text, "; give it a pcap or pcapng file, uncompressed");
  }
  return text;
}

}  // namespace

void PcapSource::Close::operator()(pcap* handle) const { pcap_close(handle); }

absl::StatusOr<std::unique_ptr<PcapSource>> PcapSource::Open(const std::string& path) {
  const bool standard_input = path == "-";
  std::unique_ptr<PcapSource> source(new PcapSource(standard_input ? "standard input" : path));
  // A descriptor of its own: libpcap closes every file but stdin, and the buffer must not go before the file.
  std::FILE* file = standard_input ? fdopen(fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0), "rb") : std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("cannot open ", path, ": ", std::strerror(errno)));
  struct stat status;
  if (fstat(fileno(file), &status) == 0) {
    if (S_ISREG(status.st_mode)) source->size_ = static_cast<uint64_t>(status.st_size);
    if (S_ISDIR(status.st_mode)) {
      std::fclose(file);
      return absl::InvalidArgumentError(absl::StrCat(path, " is a directory; give it a pcap or pcapng file"));
    }
  }
  source->read_ahead_ = std::make_unique_for_overwrite<char[]>(kReadAhead);
  std::setvbuf(file, source->read_ahead_.get(), _IOFBF, kReadAhead);
  __fsetlocking(file, FSETLOCKING_BYCALLER);  // one thread reads it
  char error[PCAP_ERRBUF_SIZE] = "";
  source->pcap_.reset(pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error));
  if (source->pcap_ == nullptr) {
    std::fclose(file);
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", source->name_, ": ", Explain(error)));
  }
  const int dlt = pcap_datalink(source->pcap_.get());
  const std::optional<LinkType> link = LinkTypeOf(dlt);
  if (!link) {
    const char* known = pcap_datalink_val_to_name(dlt);
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", source->name_, ": its link layer is ",
                                                   known != nullptr ? known : absl::StrCat("of type ", dlt),
                                                   "; Ethernet, Linux cooked, raw IP, loopback, PPP and PPPoE are known"));
  }
  source->link_ = *link;
  return source;
}

absl::StatusOr<std::optional<CapturedPacket>> PcapSource::Next() {
  pcap_pkthdr* header;
  const uint8_t* bytes;
  switch (pcap_next_ex(pcap_.get(), &header, &bytes)) {
    case 1:
      ++packets_;
      return CapturedPacket{
          .time_ns = static_cast<uint64_t>(header->ts.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(header->ts.tv_usec),
          .bytes = {bytes, header->caplen},
          .wire_length = header->len};
    case PCAP_ERROR_BREAK:
      return std::nullopt;
    default:
      return absl::InvalidArgumentError(absl::StrCat(name_, " breaks off after ", packets_, " packets: ",
                                                     Explain(pcap_geterr(pcap_.get())), "; what came before it was read"));
  }
}

uint64_t PcapSource::position() const {
  const auto at = ftello(pcap_file(pcap_.get()));
  return at > 0 ? static_cast<uint64_t>(at) : 0;
}

}  // namespace tlsmeter::agent
