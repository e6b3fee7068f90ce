/*
 * What a large CRL costs libcrypto, for the trust benchmark: crl-loop LIST ISSUER.der SERIALS LEAF.der COUNT
 * SERIALS holds INTEGERs of 18 octets, every second one of which is in the list. Prints seconds to read, check and sort the
 * list, peak octets, look-ups a second, and seconds of COUNT verifications of LEAF with the list at hand.
 * Declares what it uses of libcrypto 3 itself, so that no headers need be installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

void *d2i_X509(void **out, const unsigned char **in, long length);
void *d2i_X509_CRL(void **out, const unsigned char **in, long length);
void *d2i_ASN1_INTEGER(void **out, const unsigned char **in, long length);
void *X509_get0_pubkey(const void *certificate);
int X509_CRL_verify(void *crl, void *key);
int X509_CRL_get0_by_serial(void *crl, void **revoked, const void *serial);
void *X509_STORE_new(void);
int X509_STORE_add_cert(void *store, void *certificate);
int X509_STORE_add_crl(void *store, void *crl);
int X509_STORE_set_flags(void *store, unsigned long flags);
void *X509_STORE_CTX_new(void);
void X509_STORE_CTX_free(void *context);
int X509_STORE_CTX_init(void *context, void *store, void *leaf, void *untrusted);
int X509_verify_cert(void *context);

#define CRL_CHECK 0x4
#define SERIAL_OCTETS 18

static unsigned char *octets;

static long read_file(const char *name) {
  FILE *file = fopen(name, "rb");
  if (file == NULL) exit(66);
  fseek(file, 0, SEEK_END);
  long length = ftell(file);
  rewind(file);
  octets = malloc((size_t)length);
  if (fread(octets, 1, (size_t)length, file) != (size_t)length) exit(74);
  fclose(file);
  return length;
}

static void *certificate(const char *name) {
  long length = read_file(name);
  const unsigned char *at = octets;
  void *found = d2i_X509(NULL, &at, length);
  free(octets);
  return found;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double peak(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)usage.ru_maxrss * 1024;
}

int main(int argc, char **argv) {
  if (argc != 6) return 64;
  void *issuer = certificate(argv[2]), *leaf = certificate(argv[4]);
  long serials = read_file(argv[3]) / SERIAL_OCTETS;
  void **asked = malloc((size_t)serials * sizeof *asked), *entry;
  for (long i = 0; i < serials; i++) {
    const unsigned char *at = octets + i * SERIAL_OCTETS;
    asked[i] = d2i_ASN1_INTEGER(NULL, &at, SERIAL_OCTETS);
  }
  free(octets);
  double before = peak(), begun = now();
  long length = read_file(argv[1]);
  const unsigned char *at = octets;
  void *crl = d2i_X509_CRL(NULL, &at, length);
  free(octets);
  if (crl == NULL || X509_CRL_verify(crl, X509_get0_pubkey(issuer)) != 1) return 1;
  X509_CRL_get0_by_serial(crl, &entry, asked[0]);
  double loaded = now() - begun, most = peak() - before;
  begun = now();
  for (long i = 0; i < serials; i++) {
    if ((X509_CRL_get0_by_serial(crl, &entry, asked[i]) != 0) != (i % 2 == 0)) return 2;
  }
  double looked = now() - begun;
  void *store = X509_STORE_new();
  X509_STORE_add_cert(store, issuer);
  X509_STORE_add_crl(store, crl);
  X509_STORE_set_flags(store, CRL_CHECK);
  long count = atol(argv[5]);
  begun = now();
  for (long i = 0; i < count; i++) {
    void *context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf, NULL);
    if (X509_verify_cert(context) != 1) return 3;
    X509_STORE_CTX_free(context);
  }
  printf("%f %.0f %f %f\n", loaded, most, (double)serials / looked, now() - begun);
  return 0;
}
