#include "tests/export/https_client.h"

#include <openssl/err.h>

#include <cstdlib>

namespace tlsmeter::agent {

HttpsClient::HttpsClient(uint16_t port, const std::string& certificate, int max_version)
    : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_set_max_proto_version(context_, max_version);
  if (!certificate.empty()) {
    SSL_CTX_use_certificate_file(context_, (certificate + ".crt").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, (certificate + ".key").c_str(), SSL_FILETYPE_PEM);
  }
  bio_ = BIO_new_ssl_connect(context_);
  BIO_set_conn_hostname(bio_, ("127.0.0.1:" + std::to_string(port)).c_str());
  connected_ = BIO_do_handshake(bio_) == 1;
  ERR_clear_error();
}

HttpsClient::~HttpsClient() {
  BIO_free_all(bio_);
  SSL_CTX_free(context_);
}

std::string HttpsClient::peer() const {
  SSL* ssl = nullptr;
  BIO_get_ssl(bio_, &ssl);
  char name[100] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl)), NID_commonName, name, sizeof(name));
  return name;
}

std::string HttpsClient::Ask(std::string_view request) {
  std::string answer;
  if (!connected_ || BIO_write(bio_, request.data(), static_cast<int>(request.size())) <= 0) return answer;
  char piece[16384];
  size_t whole = std::string::npos;
  while (answer.size() < whole) {
    const int got = BIO_read(bio_, piece, sizeof(piece));
    if (got <= 0) break;
    answer.append(piece, static_cast<size_t>(got));
    const size_t head = answer.find("\r\n\r\n");
    const size_t length = answer.find("Content-Length: ");
    if (head == std::string::npos || length == std::string::npos) continue;
    whole = head + 4 + std::strtoull(answer.c_str() + length + 16, nullptr, 10);
  }
  ERR_clear_error();
  return answer;
}

}  // namespace tlsmeter::agent
