#include "tests/bench/conversation.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace tlsmeter::testing {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Free<SSL_free>>;

void Must(bool done) {
  if (!done) std::abort();
}

Certificate SelfSigned(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("www.example.com"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  Must(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  return certificate;
}

// One end, with what it has written and the other has not read yet.
class End {
 public:
  End(SSL_CTX* context, bool server) : ssl_(SSL_new(context)), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
    SSL_set_bio(ssl_.get(), in_, out_);
    server ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
    if (!server) Must(SSL_set_tlsext_host_name(ssl_.get(), "www.example.com") == 1);
  }
  bool Handshake() { return SSL_do_handshake(ssl_.get()) == 1; }
  void Write(size_t size) {
    const std::string text(size, 'x');
    Must(SSL_write(ssl_.get(), text.data(), static_cast<int>(size)) == static_cast<int>(size));
  }
  void Read() {
    char text[1000];
    Must(SSL_read(ssl_.get(), text, sizeof(text)) > 0);
  }
  // Moves what was written to `peer`.
  std::vector<uint8_t> SendTo(End* peer) {
    std::vector<uint8_t> bytes(BIO_ctrl_pending(out_));
    if (bytes.empty()) return bytes;
    const int size = static_cast<int>(bytes.size());
    Must(BIO_read(out_, bytes.data(), size) == size && BIO_write(peer->in_, bytes.data(), size) == size);
    return bytes;
  }

 private:
  Ssl ssl_;
  BIO* in_;  // both are of ssl_
  BIO* out_;
};

}  // namespace

std::vector<Flight> Converse(int version) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate = SelfSigned(key.get());
  const Context server_context(SSL_CTX_new(TLS_server_method())), client_context(SSL_CTX_new(TLS_client_method()));
  for (SSL_CTX* context : {server_context.get(), client_context.get()}) {
    Must(SSL_CTX_set_min_proto_version(context, version) == 1 && SSL_CTX_set_max_proto_version(context, version) == 1);
  }
  Must(SSL_CTX_use_certificate(server_context.get(), certificate.get()) == 1);
  Must(SSL_CTX_use_PrivateKey(server_context.get(), key.get()) == 1);

  End client(client_context.get(), /*server=*/false);
  End server(server_context.get(), /*server=*/true);
  std::vector<Flight> flights;
  const auto send = [&flights](Sender sender, End* from, End* to) {
    if (std::vector<uint8_t> bytes = from->SendTo(to); !bytes.empty()) flights.push_back({sender, std::move(bytes)});
  };
  bool client_done = false, server_done = false;
  for (int turn = 0; !client_done || !server_done; ++turn) {
    Must(turn < 10);
    client_done = client.Handshake();
    send(Sender::kClient, &client, &server);
    server_done = server.Handshake();
    send(Sender::kServer, &server, &client);
  }
  client.Write(100);
  send(Sender::kClient, &client, &server);
  server.Read();
  server.Write(250);
  send(Sender::kServer, &server, &client);
  return flights;
}

}  // namespace tlsmeter::testing
