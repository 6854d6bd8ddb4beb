/* SHA-256 as FIPS 180-4 section 6.2 has it, with its names. */
#include "base/sha256.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_BYTES 64
#define ROUNDS 64
#define WORDS 8

static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, unsigned n)
{
    return (x >> n) | (x << (32 - n));
}

static void schedule(const unsigned char *block, uint32_t w[ROUNDS])
{
    for (size_t t = 0; t < 16; t++) {
        w[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
               (uint32_t)block[4 * t + 2] << 8 | block[4 * t + 3];
    }
    for (size_t t = 16; t < ROUNDS; t++) {
        uint32_t sigma0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ (w[t - 15] >> 3);
        uint32_t sigma1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ (w[t - 2] >> 10);

        w[t] = sigma1 + w[t - 7] + sigma0 + w[t - 16];
    }
}

/* s: the working variables a to h. */
static void take_block(uint32_t hash[WORDS], const unsigned char *block)
{
    uint32_t w[ROUNDS];
    uint32_t s[WORDS];

    schedule(block, w);
    memcpy(s, hash, sizeof(s));
    for (size_t t = 0; t < ROUNDS; t++) {
        uint32_t sum1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
        uint32_t ch = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t t1 = s[7] + sum1 + ch + constants[t] + w[t];
        uint32_t sum0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
        uint32_t maj = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);

        memmove(&s[1], &s[0], (WORDS - 1) * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + sum0 + maj;
    }
    for (size_t i = 0; i < WORDS; i++) {
        hash[i] += s[i];
    }
}

void pl_sha256_hex(struct pl_bytes data, char ret_hex[PL_SHA256_HEX])
{
    uint32_t hash[WORDS] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                            0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    unsigned char tail[2 * BLOCK_BYTES] = {0};
    size_t rest = data.len % BLOCK_BYTES;
    size_t tail_len = rest + 9 <= BLOCK_BYTES ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    uint64_t bits = (uint64_t)data.len * 8;

    for (size_t at = 0; at + BLOCK_BYTES <= data.len; at += BLOCK_BYTES) {
        take_block(hash, (const unsigned char *)data.data + at);
    }
    if (rest > 0) {
        memcpy(tail, data.data + data.len - rest, rest);
    }
    tail[rest] = 0x80;
    for (size_t i = 0; i < 8; i++) {
        tail[tail_len - 1 - i] = (unsigned char)(bits >> (8 * i));
    }
    for (size_t at = 0; at < tail_len; at += BLOCK_BYTES) {
        take_block(hash, tail + at);
    }
    for (size_t i = 0; i < WORDS; i++) {
        (void)snprintf(ret_hex + 8 * i, 9, "%08x", (unsigned)hash[i]);
    }
}
