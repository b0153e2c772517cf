#include <cstring>

#include "augment/pictures.h"
#include "augment/window.h"

namespace wxb::cpu {

namespace {

// A place of a picture: `bytes` of them, known to the compiler for the usual ones.
template <int64_t bytes>
struct Pixel {
  int64_t size() const { return bytes; }
  void copy(const uint8_t* from, uint8_t* to) const { std::memcpy(to, from, size_t(bytes)); }
};
template <>
struct Pixel<0> {
  int64_t bytes;
  int64_t size() const { return bytes; }
  void copy(const uint8_t* from, uint8_t* to) const { std::memcpy(to, from, size_t(bytes)); }
};

// `count` places in reverse order; `to` is where the first of them goes, the others before it.
template <class P>
void reverse(const P& pixel, const uint8_t* from, uint8_t* to, int64_t count) {
  for (int64_t k = 0; k < count; ++k) pixel.copy(from + k * pixel.size(), to - k * pixel.size());
}

// Five at once in 16 bytes, as long as there is a sixth: the first byte stored is one of its, which comes next.
void reverse(const Pixel<3>& pixel, const uint8_t* from, uint8_t* to, int64_t count) {
  typedef uint8_t Bytes __attribute__((vector_size(16)));
  constexpr Bytes order = {15, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2};
  for (; count > 5; count -= 5, from += 15, to -= 15) {
    Bytes five;
    std::memcpy(&five, from, 16);
    five = __builtin_shuffle(five, order);
    std::memcpy(to - 13, &five, 16);
  }
  for (int64_t k = 0; k < count; ++k) pixel.copy(from + 3 * k, to - 3 * k);
}

template <class P>
void move_row(const P& pixel, const Window& columns, const uint8_t* x, uint8_t* y) {
  const int64_t size = pixel.size(), first = columns.first(), last = columns.last();
  const auto outside = [&](int64_t k) {
    const int64_t s = columns.source(k);
    uint8_t* const to = y + columns.target(k) * size;
    s < 0 ? void(std::memset(to, 0, size_t(size))) : pixel.copy(x + s * size, to);
  };
  for (int64_t k = 0; k < first; ++k) outside(k);
  for (int64_t k = last; k < columns.out; ++k) outside(k);
  const uint8_t* const from = x + (columns.start + first) * size;
  if (!columns.flip) {
    if (first < last) std::memcpy(y + first * size, from, size_t((last - first) * size));
    return;
  }
  reverse(pixel, from, y + columns.target(first) * size, last - first);
}

template <class P>
void move_picture(const AugmentMove& a, const P& pixel, int64_t n) {
  const Frames& f = a.frames;
  const int64_t* const offset = a.offset.data + 2 * n;
  const bool* const flip = a.flip.data + 2 * n;
  const Window rows(f.height, f.out_height, offset[0], flip[0], a.padding);
  const Window columns(f.width, f.out_width, offset[1], flip[1], a.padding);
  const int64_t in_row = f.width * f.pixel, out_row = f.out_width * f.pixel;
  for (int64_t k = 0; k < rows.out; ++k) {
    const int64_t source = rows.source(k);
    uint8_t* const y = a.y.data + (n * f.out_height + rows.target(k)) * out_row;
    if (source < 0)
      std::memset(y, 0, size_t(out_row));
    else
      move_row(pixel, columns, a.x.data + (n * f.height + source) * in_row, y);
  }
}

template <class P>
void move(const AugmentMove& a, const P& pixel) {
  const Frames& f = a.frames;
  by_pictures(f.batch, f.out_height * f.out_width * f.pixel, [&](int64_t n) { move_picture(a, pixel, n); });
}

}  // namespace

void augment_move(const AugmentMove& a, Context&) {
  if (!a.y.size) return;
  switch (a.frames.pixel) {
    case 1: return move(a, Pixel<1>{});
    case 3: return move(a, Pixel<3>{});
    case 4: return move(a, Pixel<4>{});
    case 12: return move(a, Pixel<12>{});
    default: return move(a, Pixel<0>{a.frames.pixel});
  }
}

void augment_cutout(const AugmentCutout& a, Context&) {
  const Frames& f = a.frames;
  const int64_t picture = f.height * f.width * f.pixel;
  if (!a.y.size) return;
  by_pictures(f.batch, picture, [&](int64_t n) {
    uint8_t* const y = a.y.data + n * picture;
    if (y != a.x.data + n * picture) std::memcpy(y, a.x.data + n * picture, size_t(picture));
    const Span rows(a.corner.data[2 * n], a.cut_height, f.height);
    const Span columns(a.corner.data[2 * n + 1], a.cut_width, f.width);
    const int64_t bytes = (columns.last - columns.first) * f.pixel;
    uint8_t* const first = y + (rows.first * f.width + columns.first) * f.pixel;
    if (rows.first >= rows.last || bytes <= 0) return;
    for (int64_t k = 0; k < bytes; k += f.pixel) std::memcpy(first + k, a.fill.data, size_t(f.pixel));
    for (int64_t i = 1; i < rows.last - rows.first; ++i)
      std::memcpy(first + i * f.width * f.pixel, first, size_t(bytes));
  });
}

}  // namespace wxb::cpu
