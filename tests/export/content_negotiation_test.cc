#include "src/export/content_negotiation.h"

#include <gtest/gtest.h>

#include <string>

namespace tlsmeter::agent {
namespace {

bool IsOpenMetrics(std::string_view accept) { return ChooseMetricsFormat(accept) == MetricsFormat::kOpenMetrics100; }

TEST(ChooseMetricsFormat, GivesPrometheusOpenMetrics) {
  // As Prometheus 2.42 and 3.0 ask.
  EXPECT_TRUE(
      IsOpenMetrics("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"));
  EXPECT_TRUE(
      IsOpenMetrics("application/openmetrics-text; version=1.0.0; escaping=allow-utf-8;q=0.6,"
                    "text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"));
  EXPECT_TRUE(IsOpenMetrics("application/openmetrics-text"));
  EXPECT_TRUE(IsOpenMetrics("APPLICATION/OpenMetrics-Text ; Version=1.0.0 ; Q=1"));
}

TEST(ChooseMetricsFormat, GivesTextToWhoDoesNotAskForMore) {
  for (const char* accept : {"", "*/*", "text/plain", "text/html,*/*;q=0.8", "application/json", "application/*"}) {
    EXPECT_FALSE(IsOpenMetrics(accept)) << accept;
  }
}

TEST(ChooseMetricsFormat, HonoursQualities) {
  EXPECT_FALSE(IsOpenMetrics("application/openmetrics-text;q=0.4, text/plain;q=0.5"));
  EXPECT_TRUE(IsOpenMetrics("application/openmetrics-text;q=0.5, text/plain;q=0.5"));
  EXPECT_FALSE(IsOpenMetrics("application/openmetrics-text;q=0"));
  EXPECT_FALSE(IsOpenMetrics("application/openmetrics-text;q=0.1, */*"));
  EXPECT_TRUE(IsOpenMetrics("text/plain;q=0, */*, application/openmetrics-text;q=0.1"));
  EXPECT_TRUE(IsOpenMetrics("text/*;q=0.1, */*;q=1, application/openmetrics-text;q=0.2"));
}

TEST(ChooseMetricsFormat, LeavesVersionsThatItDoesNotWriteAside) {
  EXPECT_FALSE(IsOpenMetrics("application/openmetrics-text;version=2.0.0"));
  EXPECT_FALSE(IsOpenMetrics("application/openmetrics-text;version=1.0.0;q=0,application/openmetrics-text"));
  EXPECT_TRUE(IsOpenMetrics("application/openmetrics-text;version=1.0.0;q=0.3,text/plain;version=1.0.0;q=0.9"));
}

TEST(ChooseMetricsFormat, CountsWhatItCannotReadAsNotSent) {
  for (const char* accept :
       {"application/openmetrics-text;q=2", "application/openmetrics-text;q=-1", "application/openmetrics-text;q=nan",
        "application/openmetrics-text;q=", ";;;,,,==", ",", ";q=1", "application/openmetrics-text;q=1x"}) {
    EXPECT_FALSE(IsOpenMetrics(accept)) << accept;
  }
  EXPECT_TRUE(IsOpenMetrics(",,;q=7, application/openmetrics-text;;q=1,"));
  EXPECT_FALSE(IsOpenMetrics(std::string(8000, ',') + std::string(8000, ';')));
}

TEST(AcceptsGzip, HonoursQualities) {
  for (const char* header :
       {"gzip", "deflate, gzip", "GZIP;q=0.5", "*", "x-gzip", "gzip;q=0.5, identity;q=0.5", "br;q=1.0, *"}) {
    EXPECT_TRUE(AcceptsGzip(header)) << header;
  }
  for (const char* header :
       {"", "identity", "deflate", "gzip;q=0", "gzip;q=0, *", "*;q=0", "gzip;q=0.4, identity", "gzipped", "gzip;q=many"}) {
    EXPECT_FALSE(AcceptsGzip(header)) << header;
  }
}

}  // namespace
}  // namespace tlsmeter::agent
