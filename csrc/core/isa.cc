#include "core/isa.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace wxb {

namespace {

struct Row {
  const char* name;
  Isa isa;
  bool runs;       // on this CPU
  bool automatic;  // may be chosen without WXB_ISA
};

#if defined(__x86_64__)
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

bool runs(const char* name) {
#if defined(__x86_64__)
  return !std::strcmp(name, "avx512") ? has_avx512() : has_avx2();  // emulated bodies are compiled at AVX2
#else
  return !std::strcmp(name, "neon");
#endif
}

const std::vector<Row>& rows() {
#define WXB_ROW(target) {#target, Isa::target, runs(#target), !std::strstr(#target, "emulated")},
  static const std::vector<Row> all{{"ref", Isa::ref, true, true}, WXB_TARGETS(WXB_ROW)};
#undef WXB_ROW
  return all;
}

struct Choice {
  std::atomic<Isa> isa{Isa::ref};
  std::string reason;
};

const Row* find(const std::string& name) {
  for (const Row& row : rows())
    if (row.runs && name == row.name) return &row;
  return nullptr;
}

Choice& choice() {
  static Choice* const only = [] {
    auto* c = new Choice;
    const char* wanted = std::getenv("WXB_ISA");
    for (const Row& row : rows())
      if (row.runs && row.automatic) c->isa = row.isa;
    c->reason = "the widest this CPU runs";
    if (wanted && *wanted) {
      if (const Row* row = find(wanted)) {
        c->isa = row->isa;
        c->reason = "WXB_ISA asks for it";
      } else {
        c->reason += "; WXB_ISA=" + std::string(wanted) + " is not one of those it can run";
      }
    }
    return c;
  }();
  return *only;
}

}  // namespace

Isa isa() {
  static std::atomic<Isa>& current = choice().isa;
  return current.load(std::memory_order_relaxed);
}

std::string isa_name() {
  for (const Row& row : rows())
    if (row.isa == isa()) return row.name;
  return "ref";
}

std::string isa_reason() { return choice().reason; }

std::vector<std::string> isa_names() {
  std::vector<std::string> names;
  for (const Row& row : rows())
    if (row.runs) names.emplace_back(row.name);
  return names;
}

void set_isa(const std::string& name) {
  const Row* row = find(name);
  if (!row) {
    std::string all;
    for (const auto& n : isa_names()) all += (all.empty() ? "" : ", ") + n;
    throw std::invalid_argument("isa: '" + name + "' is not one of those this CPU and build can run: " + all);
  }
  choice().isa = row->isa;
  choice().reason = "set_isa asks for it";
}

}  // namespace wxb
