#include "tests/base/tls_server.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <list>
#include <thread>
#include <tuple>
#include <utility>

namespace tlsmeter::agent {
namespace {

namespace asio = boost::asio;
using Error = boost::system::error_code;
using tcp = boost::asio::ip::tcp;

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

// A key and a certificate that it signs itself, both PEM.
std::pair<std::string, std::string> MakeCertificate() {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("tlsmeter test"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_EXTENSION* const names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_add_ext(certificate, names, -1);
  X509_EXTENSION_free(names);
  X509_sign(certificate, key, EVP_sha256());
  BIO* const key_text = BIO_new(BIO_s_mem());
  BIO* const certificate_text = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_text, key, nullptr, nullptr, 0, nullptr, nullptr);
  PEM_write_bio_X509(certificate_text, certificate);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {Text(key_text), Text(certificate_text)};
}

}  // namespace

std::string OkAnswer(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

struct TlsServer::State {
  explicit State(Answer how) : answer(std::move(how)) {
    std::tie(key, certificate) = MakeCertificate();
    context.use_certificate_chain(asio::buffer(certificate));
    context.use_private_key(asio::buffer(key), asio::ssl::context::pem);
    thread = std::thread([this] { Serve(); });
  }

  void Serve() {
    while (true) {
      Error error;
      tcp::socket socket = acceptor.accept(error);
      if (error || stopping) return;
      if (!answer) {
        silent.push_back(std::move(socket));
        continue;
      }
      asio::ssl::stream<tcp::socket> stream(std::move(socket), context);
      stream.handshake(asio::ssl::stream_base::server, error);
      std::string head;
      if (!error) asio::read_until(stream, asio::dynamic_buffer(head), "\r\n\r\n", error);
      if (!error) asio::write(stream, asio::buffer(answer(head)), error);
      if (!error) stream.shutdown(error);
    }
  }

  Answer answer;
  std::string key, certificate;
  asio::io_context io;
  asio::ssl::context context{asio::ssl::context::tls_server};
  tcp::acceptor acceptor{io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::list<tcp::socket> silent;
  std::atomic<bool> stopping = false;
  std::thread thread;
};

TlsServer::TlsServer(Answer answer) : state_(std::make_unique<State>(std::move(answer))) {}

TlsServer::~TlsServer() {
  // Its own connection ends the wait for one.
  state_->stopping = true;
  asio::io_context io;
  tcp::socket last(io);
  Error ignored;
  last.connect(state_->acceptor.local_endpoint(), ignored);
  state_->thread.join();
}

uint16_t TlsServer::port() const { return state_->acceptor.local_endpoint().port(); }

const std::string& TlsServer::certificate() const { return state_->certificate; }

}  // namespace tlsmeter::agent
