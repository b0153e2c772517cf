#pragma once
#include <string>
#include <vector>

#include "targets.h"  // WXB_TARGETS: the instruction sets this build has bodies for

namespace wxb {

#define WXB_ISA_NAME(target) target,
enum class Isa { ref, WXB_TARGETS(WXB_ISA_NAME) };
#undef WXB_ISA_NAME

Isa isa();                              // in use: WXB_ISA, or the best this CPU runs
std::string isa_name();                 // of isa()
std::string isa_reason();               // why it was chosen
std::vector<std::string> isa_names();   // those this CPU can run, slowest first
void set_isa(const std::string& name);  // throws std::invalid_argument

// Gives a room `const Table& name()`: the table of float32 SIMD kernels of the ISA in use. The room's _ref.cc and its
// _simd.cc, which is compiled once per target, each define `extern const Table name` in their namespace.
#define WXB_ROOM_DECLARE(target, Table, name) \
  namespace target {                          \
  extern const Table name;                    \
  }
#define WXB_ROOM_CASE(target, Table, name) \
  case Isa::target: return target::name;
#define WXB_ROOM(Table, name)                 \
  WXB_ROOM_DECLARE(ref, Table, name)          \
  WXB_TARGETS(WXB_ROOM_DECLARE, Table, name)  \
  static const Table& name() {                \
    switch (isa()) {                          \
      WXB_TARGETS(WXB_ROOM_CASE, Table, name) \
      default: return ref::name;              \
    }                                         \
  }

}  // namespace wxb
