#include "augment/augment.h"

#include "core/plan.h"

namespace wxb {

namespace {

using A = const Array&;

// Calls body.operator()<T>() with T the element type of pictures.
template <class Body>
void by_picture(const Call& call, A x, Body&& body) {
  if (has_dtype<uint8_t>(x)) return body.template operator()<uint8_t>();
  if (has_dtype<float>(x)) return body.template operator()<float>();
  type_error(call.name, ": x has dtype ", dtype_text(x), ", it must be uint8 or float32");
}

template <class T>
In<uint8_t> bytes(In<T> o) {
  return {reinterpret_cast<const uint8_t*>(o.data), o.size * int64_t(sizeof(T))};
}
template <class T>
Out<uint8_t> bytes(Out<T> o) {
  return {reinterpret_cast<uint8_t*>(o.data), o.size * int64_t(sizeof(T))};
}

// Raises unless x and y are batches of as many pictures with the same channels; `pixel` is in elements.
Frames frames(const Call& call, A x, A y) {
  call.ndim("x", x, 4, "(batch, height, width, channels)");
  call.ndim("y", y, 4, "(batch, height, width, channels)");
  if (y.shape(0) != x.shape(0) || y.shape(3) != x.shape(3))
    value_error(call.name, ": x has shape ", shape_text(x), ", y ", shape_text(y), "; batch and channels must agree");
  if (y.size() && !x.size()) value_error(call.name, ": x has shape ", shape_text(x), ", it must hold a pixel");
  return {x.shape(0), x.shape(1), x.shape(2), y.shape(1), y.shape(2), x.shape(3)};
}

template <class T>
Frames in_bytes(Frames f) {
  f.pixel *= int64_t(sizeof(T));
  return f;
}

void same_shape(const Call& call, A x, A y) {
  if (!y.attr("shape").equal(x.attr("shape")))
    value_error(call.name, ": x has shape ", shape_text(x), ", y ", shape_text(y), "; they must agree");
}

uint32_t checked_range(const Call& call, const char* what, int64_t value, int64_t most) {
  if (value < 0 || value > most) value_error(call.name, ": ", what, " is ", value, ", it must be from 0 to ", most);
  return uint32_t(value);
}

void bind_moves(py::module_& m) {
  m.def("augment_move", [](A x, A offset, A flip, A y, Padding padding) {
    const Call call("augment_move");
    const Frames f = frames(call, x, y);
    by_picture(call, x, [&]<class T>() {
      launch<BACKEND::augment_move>(
          call.name, AugmentMove{bytes(call.in<T>("x", x, x.size())), call.in<int64_t>("offset", offset, {f.batch, 2}),
                                 call.in<bool>("flip", flip, {f.batch, 2}), bytes(call.out<T>("y", y, y.size())),
                                 in_bytes<T>(f), padding});
    });
  });
  m.def("augment_cutout", [](A x, A corner, A fill, A y, int64_t height, int64_t width) {
    const Call call("augment_cutout");
    const Frames f = frames(call, x, y);
    same_shape(call, x, y);
    if (height < 0 || width < 0)
      value_error(call.name, ": the rectangle is ", height, " x ", width, ", neither may be negative");
    by_picture(call, x, [&]<class T>() {
      launch<BACKEND::augment_cutout>(
          call.name,
          AugmentCutout{bytes(call.in<T>("x", x, x.size())), call.in<int64_t>("corner", corner, {f.batch, 2}),
                        bytes(call.in<T>("fill", fill, {f.pixel})), bytes(call.out<T>("y", y, y.size())),
                        in_bytes<T>(f), height, width});
    });
  });
}

void bind_mixtures(py::module_& m) {
  m.def("augment_affine", [](A x, A map, A y, Padding padding) {
    const Call call("augment_affine");
    const Frames f = frames(call, x, y);
    by_picture(call, x, [&]<class T>() {
      launch<BACKEND::augment_affine<T>>(
          call.name, AugmentAffine<T>{call.in<T>("x", x, x.size()), call.in<double>("map", map, {f.batch, 2, 3}),
                                      call.out<T>("y", y, y.size()), f, padding});
    });
  });
  m.def("augment_color", [](A x, A factor, A y) {
    const Call call("augment_color");
    const Frames f = frames(call, x, y);
    same_shape(call, x, y);
    if (f.pixel != 1 && f.pixel != 3)
      value_error(call.name, ": x has shape ", shape_text(x), ", it must have 1 channel or 3: red, green, blue");
    by_picture(call, x, [&]<class T>() {
      launch<BACKEND::augment_color<T>>(
          call.name, AugmentColor<T>{call.in<T>("x", x, x.size()), call.in<double>("factor", factor, {f.batch, 3}),
                                     call.out<T>("y", y, y.size()), f.batch, f.height * f.width, f.pixel});
    });
  });
}

}  // namespace

void bind_augment(py::module_& m) {
  m.def("augment_uniform", [](A sample, A y, uint64_t seed, int64_t epoch, int64_t stream) {
    const Call call("augment_uniform");
    call.ndim("sample", sample, 1, "(N)");
    call.ndim("y", y, 2, "(N, count)");
    const int64_t count = y.shape(1);
    checked_range(call, "the count of y", count, AugmentUniform::most);
    launch<BACKEND::augment_uniform>(call.name,
                                     AugmentUniform{call.in<int64_t>("sample", sample, sample.size()),
                                                    call.out<double>("y", y, {sample.size(), count}), count, seed,
                                                    checked_range(call, "epoch", epoch, 0xffffffff),
                                                    checked_range(call, "stream", stream, AugmentUniform::streams)});
  });
  bind_moves(m);
  bind_mixtures(m);
}

}  // namespace wxb
