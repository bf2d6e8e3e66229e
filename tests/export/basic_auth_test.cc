#include "src/export/basic_auth.h"

#include <crypt.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "absl/strings/escaping.h"

namespace tlsmeter::agent {
namespace {

using std::chrono::steady_clock;
using Decision = BasicAuth::Decision;

std::string Hash(const char* password, const char* setting) {
  crypt_data data = {};
  return crypt_r(password, setting, &data);
}

std::string Header(const std::string& user_and_password) { return "Basic " + absl::Base64Escape(user_and_password); }

class BasicAuthTest : public testing::Test {
 protected:
  // Asks and runs the server's loop until the answer is there.
  Decision Ask(const std::string& header) {
    std::vector<Decision> decisions;
    auth_.Decide(users_, header, [&decisions](Decision decision) { decisions.push_back(decision); });
    while (decisions.empty()) {
      io_.restart();
      io_.run_for(std::chrono::milliseconds(5));
    }
    EXPECT_EQ(decisions.size(), 1u);
    return decisions.front();
  }

  boost::asio::io_context io_;
  BasicAuth auth_{&io_};
  WebUsers users_ = {{"alice", Hash("wonder:land", "$2y$04$abcdefghijklmnopqrstuu")},
                     {"bob", Hash("", "$2b$05$abcdefghijklmnopqrstuu")}};
};

TEST_F(BasicAuthTest, GrantsTheRightPassword) {
  EXPECT_EQ(Ask(Header("alice:wonder:land")), Decision::kGranted);
  EXPECT_EQ(Ask(Header("bob:")), Decision::kGranted);
  EXPECT_EQ(Ask("bASIC " + absl::Base64Escape("bob:")), Decision::kGranted);
}

TEST_F(BasicAuthTest, RefusesEverythingElse) {
  for (const std::string& header :
       {std::string(), std::string("Basic"), std::string("Basic "), std::string("Basic !!!"), std::string("Bearer abc"),
        Header("alice"), Header(":"), Header("alice:"), Header("alice:wrong"), Header("carol:wonder:land"),
        Header("ALICE:wonder:land"), Header("bob:wonder:land"), Header("alice:wonder:land "),
        Header(std::string("bob:\0x", 6)), Header(std::string(7000, 'a'))}) {
    EXPECT_EQ(Ask(header), Decision::kRefused) << header;
  }
}

TEST_F(BasicAuthTest, RefusesEveryoneWhereThereAreNoUsers) {
  users_.clear();
  EXPECT_EQ(Ask(Header("alice:wonder:land")), Decision::kRefused);
}

TEST_F(BasicAuthTest, AnswersAtOnceWhatWasRightBefore) {
  EXPECT_EQ(Ask(Header("alice:wonder:land")), Decision::kGranted);
  bool answered = false;
  auth_.Decide(users_, Header("alice:wonder:land"),
               [&answered](Decision decision) { answered = decision == Decision::kGranted; });
  EXPECT_TRUE(answered);  // without the loop having run
}

TEST_F(BasicAuthTest, ForgetsAPasswordThatWasChanged) {
  EXPECT_EQ(Ask(Header("alice:wonder:land")), Decision::kGranted);
  users_["alice"] = Hash("new", "$2y$04$abcdefghijklmnopqrstuu");
  EXPECT_EQ(Ask(Header("alice:wonder:land")), Decision::kRefused);
  EXPECT_EQ(Ask(Header("alice:new")), Decision::kGranted);
}

TEST_F(BasicAuthTest, TurnsAwayWhoComesWhenTooManyWait) {
  int refused = 0;
  int busy = 0;
  for (size_t i = 0; i < BasicAuth::kMaxWaiting + 10; ++i) {
    auth_.Decide(users_, Header("alice:guess" + std::to_string(i)), [&refused, &busy](Decision decision) {
      refused += decision == Decision::kRefused;
      busy += decision == Decision::kBusy;
    });
  }
  EXPECT_EQ(busy, 10);
  const auto patience = steady_clock::now() + std::chrono::seconds(20);
  while (refused < static_cast<int>(BasicAuth::kMaxWaiting) && steady_clock::now() < patience) {
    io_.restart();
    io_.run_for(std::chrono::milliseconds(5));
  }
  EXPECT_EQ(refused, static_cast<int>(BasicAuth::kMaxWaiting));
  EXPECT_EQ(Ask(Header("alice:wonder:land")), Decision::kGranted);
}

TEST_F(BasicAuthTest, RestsAfterARefusal) {
  // What a check costs at least; other work makes it longer, never shorter.
  auto cost = steady_clock::duration::max();
  for (int i = 0; i < 3; ++i) {
    const auto start = steady_clock::now();
    users_["slow"] = Hash("right", "$2y$09$abcdefghijklmnopqrstuu");
    cost = std::min(cost, steady_clock::now() - start);
  }
  const auto start = steady_clock::now();
  EXPECT_EQ(Ask(Header("slow:wrong")), Decision::kRefused);
  EXPECT_EQ(Ask(Header("slow:wrong")), Decision::kRefused);
  EXPECT_GT(steady_clock::now() - start, 4 * cost);  // two checks, and four times one between them
}

TEST_F(BasicAuthTest, EndsWhileChecksWait) {
  for (int i = 0; i < 5; ++i) auth_.Decide(users_, Header("alice:" + std::to_string(i)), [](Decision) { FAIL(); });
}

}  // namespace
}  // namespace tlsmeter::agent
