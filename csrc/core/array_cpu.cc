#include <algorithm>

#include "core/plan.h"

namespace wxb {

namespace {
struct Block {
  std::shared_ptr<Arena> arena;  // or none: from the cache
  void* data;
  size_t bytes;
};

void release(PyObject* capsule) {
  auto* block = static_cast<Block*>(PyCapsule_GetPointer(capsule, nullptr));
  if (block->data)
    block->arena ? block->arena->give(block->data, block->bytes) : cache().give(block->data, block->bytes);
  delete block;
}

void* take(Block& block) {
  try {
    return block.arena ? block.arena->take(block.bytes) : cache().take(block.bytes);
  } catch (const std::bad_alloc&) {
    const Usage& usage = cache().usage;
    PyErr_Format(PyExc_MemoryError,
                 "empty: %zu bytes wanted, the system gave none; wxb holds %zu bytes of which %zu are free; "
                 "use a smaller batch or wxb.empty_cache()",
                 block.bytes, usage.reserved, usage.reserved - usage.live);
    throw py::error_already_set();
  }
}
}  // namespace

py::object empty(const py::tuple& shape, const py::object& dtype, bool persistent) {
  Extent extent(shape, dtype);
  Plan* plan = persistent ? nullptr : Plan::recording;
  auto block = std::make_unique<Block>(Block{plan ? plan->arena() : nullptr, nullptr, extent.bytes});
  block->data = take(*block);
  auto base = py::reinterpret_steal<py::object>(PyCapsule_New(block.get(), nullptr, release));
  if (!base) throw py::error_already_set();
  void* const data = block.release()->data;
  // The C API itself: py::array's constructor computes strides first and takes twice as long.
  const auto& api = py::detail::npy_api::get();
  auto array = py::reinterpret_steal<py::object>(
      api.PyArray_NewFromDescr_(api.PyArray_Type_, dtype.inc_ref().ptr(), int(extent.ndim), extent.sizes, nullptr, data,
                                int(py::detail::npy_api::NPY_ARRAY_WRITEABLE_) | int(py::array::c_style) |
                                    int(py::detail::npy_api::NPY_ARRAY_ALIGNED_),
                                nullptr));
  if (!array) throw py::error_already_set();
  if (api.PyArray_SetBaseObject_(array.ptr(), base.release().ptr()) < 0) throw py::error_already_set();
  return array;
}

}  // namespace wxb
