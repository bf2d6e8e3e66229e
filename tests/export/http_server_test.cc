#include "src/export/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/export/http_client.h"

namespace tlsmeter::agent {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRequest[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";

// More than the kernel buffers of both ends hold: who does not read it keeps the server writing.
constexpr size_t kBig = 32000000;

// The answer repeats the request; /big is kBig bytes.
HttpResponse Echo(const HttpRequest& request) {
  HttpResponse response;
  response.body = std::string(request.method) + " " + std::string(request.target) + " " + std::string(request.accept);
  if (request.target == "/big") response.body.assign(kBig, 'b');
  if (request.target == "/none") response.status = 404;
  return response;
}

std::unique_ptr<HttpServer> StartServer(HttpLimits limits = {}) {
  auto server = HttpServer::Listen("127.0.0.1:0", Echo, limits);
  EXPECT_TRUE(server.ok()) << server.status();
  (*server)->Serve();
  return *std::move(server);
}

milliseconds Since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

TEST(HttpServerTest, AnswersAGet) {
  const auto server = StartServer();
  const std::string answer = Get(server->port(), "/x?y=1");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; charset=utf-8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nGET /x?y=1 "));
}

TEST(HttpServerTest, PassesOnTheAcceptHeaderAndTheHandlersStatus) {
  const auto server = StartServer();
  HttpClient client(server->port());
  client.Send("GET /none HTTP/1.1\r\nHost: x\r\nAccept: text/plain;q=0.5\r\n\r\n");
  const std::string answer = client.ReadAnswer();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(answer, EndsWith("GET /none text/plain;q=0.5"));
}

TEST(HttpServerTest, KeepsAConnectionForMoreRequests) {
  const auto server = StartServer();
  HttpClient client(server->port());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(client.Send(kRequest));
    ASSERT_THAT(client.ReadAnswer(), EndsWith("GET /x "));
  }
}

TEST(HttpServerTest, AnswersPipelinedRequestsInTurn) {
  const auto server = StartServer();
  HttpClient client(server->port());
  client.Send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), EndsWith("GET /1 "));
  EXPECT_THAT(client.ReadAnswer(), EndsWith("GET /2 "));
  EXPECT_THAT(client.ReadAnswer(), EndsWith("GET /3 "));
}

TEST(HttpServerTest, TakesARequestByteByByte) {
  const auto server = StartServer();
  HttpClient client(server->port());
  for (const char c : std::string_view(kRequest)) {
    client.Send({&c, 1});
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_THAT(client.ReadAnswer(), EndsWith("GET /x "));
}

TEST(HttpServerTest, ClosesAfterAnHttp10Request) {
  const auto server = StartServer();
  HttpClient client(server->port());
  client.Send("GET /x HTTP/1.0\r\n\r\n");
  bool closed = false;
  EXPECT_THAT(client.ReadToEnd(&closed), StartsWith("HTTP/1.0 200 OK\r\n"));
  EXPECT_TRUE(closed);
}

TEST(HttpServerTest, LeavesTheBodyOutForHead) {
  const auto server = StartServer();
  HttpClient client(server->port());
  client.Send("HEAD /big HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string answer = client.ReadAnswer(/*head_only=*/true);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 32000000\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
  client.Send(kRequest);
  EXPECT_THAT(client.ReadAnswer(), EndsWith("GET /x "));
}

TEST(HttpServerTest, RefusesOtherMethods) {
  const auto server = StartServer();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
    HttpClient client(server->port());
    client.Send(std::string(method) + " /x HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string answer = client.ReadAnswer();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << method;
    EXPECT_THAT(answer, HasSubstr("Allow: GET, HEAD\r\n")) << method;
  }
}

TEST(HttpServerTest, RefusesBodies) {
  const auto server = StartServer();
  for (const char* header : {"Content-Length: 5", "Content-Length: 99999999999", "Transfer-Encoding: chunked"}) {
    HttpClient client(server->port());
    client.Send(std::string("GET /x HTTP/1.1\r\nHost: x\r\n") + header + "\r\n\r\nhello");
    bool closed = false;
    EXPECT_THAT(client.ReadToEnd(&closed), StartsWith("HTTP/1.1 413 ")) << header;
    EXPECT_TRUE(closed);
  }
}

TEST(HttpServerTest, RefusesGarbageAndTls) {
  const auto server = StartServer();
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), std::string("\r\n\r\n\r\n"),
        std::string("GET\r\n\r\n"), std::string("GET /x HTTP/9.9\r\n\r\n"), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string(1000, '\xff') + "\r\n\r\n"}) {
    HttpClient client(server->port());
    client.Send(garbage);
    EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 400 ")) << garbage;
  }
  EXPECT_THAT(Get(server->port(), "/x"), EndsWith("GET /x "));
}

TEST(HttpServerTest, RefusesOversizedHeaders) {
  const auto server = StartServer();
  HttpClient client(server->port());
  client.Send("GET /x HTTP/1.1\r\nHost: x\r\nCookie: " + std::string(9000, 'c') + "\r\n\r\n");
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 431 "));

  HttpClient endless(server->port());
  std::string piece = "GET /" + std::string(4000, 'p');
  for (int i = 0; i < 100 && endless.Send(piece); ++i) piece.assign(4000, 'p');
  bool closed = false;
  endless.ReadToEnd(&closed);
  EXPECT_TRUE(closed);
  EXPECT_THAT(Get(server->port(), "/x"), EndsWith("GET /x "));
}

TEST(HttpServerTest, GivesUpOnAClientThatTricklesItsRequest) {
  HttpLimits limits;
  limits.read_deadline = milliseconds(200);
  const auto server = StartServer(limits);
  HttpClient client(server->port());
  const auto start = std::chrono::steady_clock::now();
  std::string_view request =
      "GET /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx HTTP/1.1\r\n\r\n";
  while (!request.empty() && client.Send(request.substr(0, 1))) {
    request.remove_prefix(1);
    std::this_thread::sleep_for(milliseconds(20));
    if (Since(start) > milliseconds(1500)) break;
  }
  EXPECT_FALSE(request.empty());
  EXPECT_GE(Since(start), milliseconds(200));
  EXPECT_LT(Since(start), milliseconds(1500));
}

TEST(HttpServerTest, ClosesAnIdleConnection) {
  HttpLimits limits;
  limits.idle_deadline = milliseconds(100);
  const auto server = StartServer(limits);
  HttpClient client(server->port());
  client.Send(kRequest);
  client.ReadAnswer();
  bool closed = false;
  EXPECT_EQ(client.ReadToEnd(&closed), "");
  EXPECT_TRUE(closed);
}

TEST(HttpServerTest, GivesUpOnAClientThatDoesNotReadItsAnswer) {
  HttpLimits limits;
  limits.write_deadline = milliseconds(200);
  const auto server = StartServer(limits);
  HttpClient client(server->port());
  client.Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(600));
  bool closed = false;
  EXPECT_LT(client.ReadToEnd(&closed).size(), kBig);
  EXPECT_TRUE(closed);
}

TEST(HttpServerTest, AnswersAScrapeAmongAThousandSlowClients) {
  const auto server = StartServer();
  std::vector<HttpClient> slow;
  for (int i = 0; i < 1000; ++i) {
    slow.emplace_back(server->port());
    if (!slow.back().connected()) break;  // no more descriptors: those that are there will do
    slow.back().Send("GET /metr");
  }
  EXPECT_GT(slow.size(), 300u);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(Get(server->port(), "/x"), EndsWith("GET /x "));
  EXPECT_LT(Since(start), milliseconds(1000));
}

TEST(HttpServerTest, MakesRoomAtTheExpenseOfTheLongestWait) {
  HttpLimits limits;
  limits.max_connections = 3;
  const auto server = StartServer(limits);
  HttpClient answered(server->port());
  answered.Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  HttpClient first(server->port());
  first.Send("GET");
  std::this_thread::sleep_for(milliseconds(50));
  HttpClient second(server->port());
  second.Send("GET");
  std::this_thread::sleep_for(milliseconds(50));

  EXPECT_THAT(Get(server->port(), "/x"), EndsWith("GET /x "));
  bool closed = false;
  first.ReadToEnd(&closed);
  EXPECT_TRUE(closed);
  second.Send(" /second HTTP/1.1\r\n\r\n");
  EXPECT_THAT(second.ReadAnswer(), EndsWith("GET /second "));
  EXPECT_GT(answered.ReadAnswer().size(), kBig);
}

TEST(HttpServerTest, TurnsAwayNewClientsWhenAllAreBeingAnswered) {
  HttpLimits limits;
  limits.max_connections = 2;
  const auto server = StartServer(limits);
  std::vector<HttpClient> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back(server->port());
    readers.back().Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  std::this_thread::sleep_for(milliseconds(100));
  HttpClient client(server->port());
  EXPECT_THAT(client.ReadAnswer(), StartsWith("HTTP/1.1 503 "));
  for (HttpClient& reader : readers) EXPECT_GT(reader.ReadAnswer().size(), kBig);
}

TEST(HttpServerTest, BoundsWhatItHoldsForSlowReaders) {
  HttpLimits limits;
  limits.max_bytes_in_flight = kBig + 1000;
  const auto server = StartServer(limits);
  HttpClient reader(server->port());
  reader.Send("GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(100));
  EXPECT_THAT(Get(server->port(), "/big"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(Get(server->port(), "/x"), StartsWith("HTTP/1.1 200 "));
  EXPECT_GT(reader.ReadAnswer().size(), kBig);
  EXPECT_THAT(Get(server->port(), "/big"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerTest, StopsWhileClientsAreConnected) {
  auto server = StartServer();
  std::vector<HttpClient> clients;
  for (int i = 0; i < 20; ++i) {
    clients.emplace_back(server->port());
    clients.back().Send(i % 3 == 0 ? "GET /big HTTP/1.1\r\n\r\n" : i % 3 == 1 ? "GET" : kRequest);
  }
  clients[2].ReadAnswer();
  const uint16_t port = server->port();
  const auto start = std::chrono::steady_clock::now();
  server->Stop();
  EXPECT_LT(Since(start), milliseconds(1000));
  bool closed = false;
  clients[1].ReadToEnd(&closed);
  EXPECT_TRUE(closed);
  EXPECT_FALSE(HttpClient(port).connected());
  server->Stop();
}

TEST(HttpServerTest, StopsRightAfterItsStart) {
  for (int i = 0; i < 50; ++i) StartServer();
}

TEST(HttpServerTest, ServesClientsInParallel) {
  const auto server = StartServer();
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&server, &answered] {
      for (int i = 0; i < 50; ++i) answered += Get(server->port(), "/x").empty() ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 400);
}

TEST(HttpServerTest, ListensOnAllAddresses) {
  const auto server = HttpServer::Listen(":0", Echo);
  ASSERT_TRUE(server.ok()) << server.status();
  (*server)->Serve();
  EXPECT_THAT(Get((*server)->port(), "/x"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerTest, NamesTheAddressAndTheRemedyWhenItCannotListen) {
  const auto server = StartServer();
  const std::string taken = "127.0.0.1:" + std::to_string(server->port());
  const auto second = HttpServer::Listen(taken, Echo);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr("cannot listen on " + taken + ": Address already in use; another"));

  const auto foreign = HttpServer::Listen("192.0.2.1:0", Echo);
  ASSERT_FALSE(foreign.ok());
  EXPECT_THAT(std::string(foreign.status().message()), HasSubstr("no such address"));
  EXPECT_FALSE(HttpServer::Listen("nonsense", Echo).ok());
}

}  // namespace
}  // namespace tlsmeter::agent
