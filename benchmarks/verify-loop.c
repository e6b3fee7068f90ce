/*
 * X509_verify_cert in a loop, for the trust benchmark: verify-loop ROOT.der MIDDLE.der LEAF.der COUNT PARSE
 * PARSE 2 reads leaf and intermediate anew each time, 1 the leaf, 0 none. Prints seconds. Purpose S/MIME encryption, no CRLs.
 * Declares what it uses of libcrypto 3 itself, so that no headers need be installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void *d2i_X509(void **out, const unsigned char **in, long length);
void X509_free(void *certificate);
void *X509_STORE_new(void);
int X509_STORE_add_cert(void *store, void *certificate);
void *X509_STORE_CTX_new(void);
void X509_STORE_CTX_free(void *context);
int X509_STORE_CTX_init(void *context, void *store, void *leaf, void *untrusted);
int X509_STORE_CTX_set_purpose(void *context, int purpose);
int X509_verify_cert(void *context);
void *OPENSSL_sk_new_null(void);
int OPENSSL_sk_push(void *stack, const void *entry);
void OPENSSL_sk_free(void *stack);

#define PURPOSE_SMIME_ENCRYPT 5

static unsigned char octets[3][8192];
static long lengths[3];

static void *parse(int which) {
  const unsigned char *at = octets[which];
  return d2i_X509(NULL, &at, lengths[which]);
}

int main(int argc, char **argv) {
  if (argc != 6) return 64;
  for (int i = 0; i < 3; i++) {
    FILE *file = fopen(argv[i + 1], "rb");
    if (file == NULL) return 66;
    lengths[i] = (long)fread(octets[i], 1, sizeof octets[i], file);
    fclose(file);
  }
  long count = atol(argv[4]);
  int parse_each = atoi(argv[5]);
  void *store = X509_STORE_new();
  X509_STORE_add_cert(store, parse(0));
  void *middle = parse(1), *leaf = parse(2);
  struct timespec begun, ended;
  clock_gettime(CLOCK_MONOTONIC, &begun);
  for (long i = 0; i < count; i++) {
    if (parse_each > 1) {
      X509_free(middle);
      middle = parse(1);
    }
    if (parse_each > 0) {
      X509_free(leaf);
      leaf = parse(2);
    }
    void *stack = OPENSSL_sk_new_null();
    OPENSSL_sk_push(stack, middle);
    void *context = X509_STORE_CTX_new();
    X509_STORE_CTX_init(context, store, leaf, stack);
    X509_STORE_CTX_set_purpose(context, PURPOSE_SMIME_ENCRYPT);
    if (X509_verify_cert(context) != 1) return 1;
    X509_STORE_CTX_free(context);
    OPENSSL_sk_free(stack);
  }
  clock_gettime(CLOCK_MONOTONIC, &ended);
  printf("%f\n", (double)(ended.tv_sec - begun.tv_sec) + (double)(ended.tv_nsec - begun.tv_nsec) / 1e9);
  return 0;
}
