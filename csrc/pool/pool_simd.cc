#include "core/simd_sum.h"
#include "pool/pool_table.h"

namespace wxb::WXB_TARGET {

namespace {

// Places in windows, kept in memory as bytes or as they are.
typedef uint8_t Bytes __attribute__((vector_size(WXB_VECTOR_BYTES / 4)));
template <class Index>
struct Packed {
  typedef Int Lanes;
};
template <>
struct Packed<uint8_t> {
  typedef Bytes Lanes;
};

// One channel, in every lane: dearer per channel than First, but nothing has to be masked.
struct One {
  WXB_INLINE Vec load(const float* p) const { return Vec(*p); }
  WXB_INLINE void store(Vec v, float* p) const { *p = v.v[0]; }
};

template <class Index>
WXB_INLINE void store_places(All, Int places, Index* p) {
  const auto packed = __builtin_convertvector(places, typename Packed<Index>::Lanes);
  __builtin_memcpy(p, &packed, sizeof packed);
}
// n bytes, 4 < n <= 16, as two pieces that may overlap.
WXB_INLINE void copy_some(uint8_t* to, const uint8_t* from, int64_t n) {
  if (n >= 8)
    __builtin_memcpy(to, from, 8), __builtin_memcpy(to + n - 8, from + n - 8, 8);
  else
    __builtin_memcpy(to, from, 4), __builtin_memcpy(to + n - 4, from + n - 4, 4);
}
WXB_INLINE void store_places(First first, Int places, uint8_t* p) {
  const Bytes packed = __builtin_convertvector(places, Bytes);
  copy_some(p, reinterpret_cast<const uint8_t*>(&packed), first.n);
}
WXB_INLINE void store_places(First first, Int places, int32_t* p) {
  for (int64_t i = 0; i < first.n; ++i) p[i] = places[i];
}
template <class Index>
WXB_INLINE void store_places(One, Int places, Index* p) {
  *p = Index(places[0]);
}

template <class Index>
WXB_INLINE Int load_places(All, const Index* p) {
  typename Packed<Index>::Lanes packed;
  __builtin_memcpy(&packed, p, sizeof packed);
  return __builtin_convertvector(packed, Int);
}
WXB_INLINE Int load_places(First first, const uint8_t* p) {
  Bytes packed = {};
  copy_some(reinterpret_cast<uint8_t*>(&packed), p, first.n);
  return __builtin_convertvector(packed, Int);
}
WXB_INLINE Int load_places(First first, const int32_t* p) {
  Int places = {};
  for (int64_t i = 0; i < first.n; ++i) places[i] = p[i];
  return places;
}
template <class Index>
WXB_INLINE Int load_places(One, const Index* p) {
  return Int{} + int32_t(*p);
}

// f(lanes, c) for all channels.
template <class F>
WXB_INLINE void for_channels(int64_t channels, F f) {
  int64_t c = 0;
  for (; c + Vec::lanes <= channels; c += Vec::lanes) f(All{}, c);
  if (channels - c > 4)
    f(First{channels - c}, c);
  else
    for (; c < channels; ++c) f(One{}, c);
}

// The part of a window that lies in the image: its corner and its size.
struct Window {
  const float* corner;
  int64_t height, width, row, pixel;  // row, pixel: elements from one to the next
  WXB_INLINE Window(const float* x, const Windows2d& s, int64_t n, int64_t oh, int64_t ow)
      : corner(x + ((n * s.h.in + s.h.begin(oh)) * s.w.in + s.w.begin(ow)) * s.channels),
        height(s.h.end(oh) - s.h.begin(oh)),
        width(s.w.end(ow) - s.w.begin(ow)),
        row(s.w.in * s.channels),
        pixel(s.channels) {}
};

template <class Lanes>
WXB_INLINE Vec largest(Lanes lanes, const Window& window, int64_t c) {
  Vec best = lanes.load(window.corner + c);
  for (int64_t i = 0; i < window.height; ++i)
    for (int64_t j = 0; j < window.width; ++j) {
      const Vec v = lanes.load(window.corner + i * window.row + j * window.pixel + c);
      best = select((v > best) | (v != v), v, best);
    }
  return best;
}

struct Found {
  Vec best;
  Int place;
};

// Likewise, and its place: `first` is that of the corner, `step` the places in a row of the window.
template <class Lanes>
WXB_INLINE Found find_largest(Lanes lanes, const Window& window, int64_t c, int32_t first, int32_t step) {
  Found found{lanes.load(window.corner + c), Int{} + first};
  for (int64_t i = 0; i < window.height; ++i)
    for (int64_t j = 0; j < window.width; ++j) {
      const Vec v = lanes.load(window.corner + i * window.row + j * window.pixel + c);
      const Mask better = (v > found.best) | (v != v);
      found.best = select(better, v, found.best);
      found.place = better.v ? Int{} + (first + int32_t(i) * step + int32_t(j)) : found.place;
    }
  return found;
}

template <class Index>
void max_and_place(const MaxPool<float>& a, Index* index, int64_t begin, int64_t end) {
  const auto& [batch, channels, h, w] = a.windows;
  int64_t at = begin * channels;
  for_rows(begin, end, h.out, w.out, [&](int64_t n, int64_t oh, int64_t from, int64_t to) {
    for (int64_t ow = from; ow < to; ++ow, at += channels) {
      const Window window(a.x.data, a.windows, n, oh, ow);
      const int32_t step = int32_t(w.kernel);
      const int32_t first = int32_t(h.begin(oh) - h.start(oh)) * step + int32_t(w.begin(ow) - w.start(ow));
      for_channels(channels, [&](auto lanes, int64_t c) {
        const Found found = find_largest(lanes, window, c, first, step);
        lanes.store(found.best, a.y.data + at + c);
        store_places(lanes, found.place, index + at + c);
      });
    }
  });
}

void max_forward(const MaxPool<float>& a, int64_t begin, int64_t end) {
  if (a.index) return max_and_place(a, a.index.data, begin, end);
  if (a.wide_index) return max_and_place(a, a.wide_index.data, begin, end);
  const auto& [batch, channels, h, w] = a.windows;
  float* y = a.y.data + begin * channels;
  for_rows(begin, end, h.out, w.out, [&](int64_t n, int64_t oh, int64_t from, int64_t to) {
    for (int64_t ow = from; ow < to; ++ow, y += channels) {
      const Window window(a.x.data, a.windows, n, oh, ow);
      for_channels(channels, [&](auto lanes, int64_t c) { lanes.store(largest(lanes, window, c), y + c); });
    }
  });
}

// The input pixel (i, j) in the window (oh, ow).
struct Place {
  int64_t i, j, oh, ow;
};

// dx = the sum over the windows that cover each pixel of what term(the window's first element, the pixel's place in it)
// gives: a function of lanes and channel.
template <class Term>
WXB_INLINE void gather(const Windows2d& s, float* dx, int64_t begin, int64_t end, Term term) {
  const int64_t n = s.channels;
  dx += begin * n;
  for_rows(begin, end, s.h.in, s.w.in, [&](int64_t image, int64_t i, int64_t from, int64_t to) {
    const int64_t top = s.h.first(i), bottom = s.h.last(i);
    int64_t left = s.w.first(from), right = s.w.last(from);
    for (int64_t j = from; j < to; ++j, dx += n) {
      while (left < s.w.out && s.w.end(left) <= j) ++left;
      while (right < s.w.out && s.w.begin(right) <= j) ++right;
      bool first = true;
      for (int64_t oh = top; oh < bottom; ++oh)
        for (int64_t ow = left; ow < right; ++ow, first = false) {
          const auto of = term(((image * s.h.out + oh) * s.w.out + ow) * n, Place{i, j, oh, ow});
          for_channels(n, [&](auto lanes, int64_t c) {
            lanes.store(first ? of(lanes, c) : lanes.load(dx + c) + of(lanes, c), dx + c);
          });
        }
      if (first) for_channels(n, [&](auto lanes, int64_t c) { lanes.store(Vec(0.f), dx + c); });
    }
  });
}

template <class Index>
void max_backward_from(const MaxPoolBackward<float>& a, const Index* index, int64_t begin, int64_t end) {
  const Windows& h = a.windows.h;
  const Windows& w = a.windows.w;
  gather(a.windows, a.dx.data, begin, end, [&](int64_t o, const Place& p) {
    const int32_t place = int32_t(p.i - h.start(p.oh)) * int32_t(w.kernel) + int32_t(p.j - w.start(p.ow));
    const float* const dy = a.dy.data + o;
    const Index* const places = index + o;
    return [=](auto lanes, int64_t c) {
      return select({load_places(lanes, places + c) == place}, lanes.load(dy + c), Vec(0.f));
    };
  });
}

// The same where no two windows overlap: dy and the places of a window are loaded once for a row of its pixels.
template <class Index>
void max_backward_apart(const MaxPoolBackward<float>& a, const Index* index, int64_t begin, int64_t end) {
  const auto& [batch, n, h, w] = a.windows;
  float* dx = a.dx.data + begin * n;
  for_rows(begin, end, h.in, w.in, [&](int64_t image, int64_t i, int64_t from, int64_t to) {
    const int64_t oh = h.first(i), last = oh < h.last(i) ? w.out : 0;
    const int32_t row = int32_t(i - h.start(oh)) * int32_t(w.kernel);
    int64_t ow = last ? w.first(from) : 0;
    for (int64_t j = from; j < to; ++ow) {
      const int64_t left = ow < last && w.begin(ow) < to ? w.begin(ow) : to, zeros = left > j ? left - j : 0;
      for (int64_t k = 0; k < zeros * n; ++k) dx[k] = 0;
      j += zeros, dx += zeros * n;
      if (j == to) break;
      const int64_t pixels = (w.end(ow) < to ? w.end(ow) : to) - j, o = ((image * h.out + oh) * w.out + ow) * n;
      const int32_t first = row + int32_t(j - w.start(ow));
      for_channels(n, [&](auto lanes, int64_t c) {
        const Vec dy = lanes.load(a.dy.data + o + c);
        const Int places = load_places(lanes, index + o + c);
        for (int32_t k = 0; k < pixels; ++k) lanes.store(select({places == first + k}, dy, Vec(0.f)), dx + k * n + c);
      });
      j += pixels, dx += pixels * n;
    }
  });
}

void max_backward(const MaxPoolBackward<float>& a, int64_t begin, int64_t end) {
  const Windows2d& s = a.windows;
  const bool apart = s.h.stride >= s.h.kernel && s.w.stride >= s.w.kernel;
  const auto from = [&](const auto* index) {
    apart ? max_backward_apart(a, index, begin, end) : max_backward_from(a, index, begin, end);
  };
  a.index ? from(a.index.data) : from(a.wide_index.data);
}

// Sums within the rows of a window, then of these: a long chain of additions would round more.
template <class Lanes>
WXB_INLINE Vec sum_over(Lanes lanes, const Window& window, int64_t c) {
  Vec sum(0.f);
  for (int64_t i = 0; i < window.height; ++i) {
    Vec along(0.f);
    for (int64_t j = 0; j < window.width; ++j)
      along += lanes.load(window.corner + i * window.row + j * window.pixel + c);
    sum += along;
  }
  return sum;
}

void average_forward(const AveragePool<float>& a, int64_t begin, int64_t end) {
  const auto& [batch, channels, h, w] = a.windows;
  float* y = a.y.data + begin * channels;
  for_rows(begin, end, h.out, w.out, [&](int64_t n, int64_t oh, int64_t from, int64_t to) {
    for (int64_t ow = from; ow < to; ++ow, y += channels) {
      const Window window(a.x.data, a.windows, n, oh, ow);
      const Vec divisor(float(h.divisor(oh)) * float(w.divisor(ow)));
      for_channels(channels, [&](auto lanes, int64_t c) { lanes.store(sum_over(lanes, window, c) / divisor, y + c); });
    }
  });
}

void average_backward(const AveragePoolBackward<float>& a, int64_t begin, int64_t end) {
  const Windows& h = a.windows.h;
  const Windows& w = a.windows.w;
  gather(a.windows, a.dx.data, begin, end, [&](int64_t o, const Place& p) {
    const float* const dy = a.dy.data + o;
    const Vec divisor(float(h.divisor(p.oh)) * float(w.divisor(p.ow)));
    return [=](auto lanes, int64_t c) { return lanes.load(dy + c) / divisor; };
  });
}

}  // namespace

extern const PoolTable<float> pool_float;
const PoolTable<float> pool_float{max_forward, max_backward, average_forward, average_backward};

}  // namespace wxb::WXB_TARGET
