#pragma once
#include <cstdint>

#include "core/hd.h"

namespace wxb {

// Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011): four random 32-bit words from a counter and a key. Constants and
// known answers as in the authors' Random123.
struct Words {
  uint32_t word[4];
};

HD Words philox(Words c, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * c.word[0], p1 = uint64_t{0xCD9E8D57} * c.word[2];
    c = {{uint32_t(p1 >> 32) ^ c.word[1] ^ key0, uint32_t(p1), uint32_t(p0 >> 32) ^ c.word[3] ^ key1, uint32_t(p0)}};
    key0 += 0x9E3779B9, key1 += 0xBB67AE85;
  }
  return c;
}

// Block `block` of the stream of `seed`: 2^64 blocks each.
HD Words philox(uint64_t seed, uint64_t block) {
  return philox({{uint32_t(block), uint32_t(block >> 32), 0, 0}}, uint32_t(seed), uint32_t(seed >> 32));
}

}  // namespace wxb
