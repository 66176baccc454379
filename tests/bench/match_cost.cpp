// SPDX-License-Identifier: GPL-2.0-only
// Counts the instructions of a match, from its first to its return, by single
// steps of a child process: the same figure on every machine and every day.
//
//     match_cost [--check] [SHAPE...]
//
// With --check it ends with an error when a figure is over its budget.

#include "core/format.h"
#include "core/policy.h"
#include "match_entry.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

extern "C" void *pacl_alloc(size_t size) { return malloc(size); }

extern "C" void pacl_free(const void *ptr) { free(const_cast<void *>(ptr)); }

namespace {

constexpr unsigned budget_granted = 60;
constexpr unsigned budget_ungoverned = 15;
constexpr unsigned no_budget = 0;

constexpr unsigned max_samples = 200;

[[noreturn]] void die(const char *what) {
  perror(what);
  exit(2);
}

struct Request {
  u32 uid = 0;
  u32 gid = 0;
  u16 port = 0;
  const std::vector<u32> *groups = nullptr;
  pacl_addr addr = {0, 0};
};

pacl_rule rule(u8 kind, u32 id, u32 lo, u32 hi) {
  pacl_rule rule = {};
  rule.action = PACL_ALLOW;
  rule.kind = kind;
  rule.id = rule.last_id = id;
  rule.count = 1;
  rule.range[0] = {static_cast<u16>(lo), static_cast<u16>(hi)};
  return rule;
}

pacl_rule each(u32 first, u32 last, u32 base, u32 ports) {
  pacl_rule made =
      rule(PACL_EACH, first, base, base + ports * (last - first + 1) - 1);
  made.last_id = last;
  made.each = static_cast<u16>(ports);
  return made;
}

pacl_rule deny(pacl_rule made) {
  made.action = PACL_DENY;
  return made;
}

pacl_rule reserve(u32 lo, u32 hi) {
  pacl_rule made = rule(PACL_NOBODY, 0, lo, hi);
  made.action = PACL_RESERVE;
  return made;
}

// For one IPv4 address.
pacl_rule on(pacl_rule made, u32 addr) {
  made.on = 1;
  made.prefix = PACL_ADDR_IPV4(addr);
  made.prefix_len = 128;
  return made;
}

pacl_rule until(pacl_rule made, u64 time) {
  made.until = time;
  return made;
}

using Maker = std::function<pacl_rule(u32)>;
using Asker = std::function<Request(u32)>;

struct Shape {
  const char *name;
  u32 rules;
  Maker make;
  Asker ask; // of a random number
  pacl_verdict verdict;
  unsigned budget;
  unsigned samples = max_samples;
};

// How a shape's policy is built.
pacl_policy *build(const Shape &shape) {
  std::vector<pacl_txn> txn(1);
  if (pacl_txn_begin(txn.data(), nullptr))
    die("pacl_txn_begin");
  for (u32 at = 0; at < shape.rules; at++) {
    pacl_rule made = shape.make(at);
    if (pacl_insert(txn.data(), &made))
      die("pacl_insert");
  }
  pacl_pile stale = {};
  return pacl_txn_commit(txn.data(), &stale);
}

// What the child does; each turn enters match_entry() once.
void child(const pacl_policy *policy, const std::vector<pacl_request> &asked,
           u8 *verdicts) {
  if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr))
    _exit(3);
  raise(SIGSTOP);
  for (size_t at = 0; at < asked.size(); at++) {
    const pacl_atom *why;
    verdicts[at] = static_cast<u8>(match_entry(policy, &asked[at], &why));
  }
  _exit(0);
}

// Steps the child to its end; the instructions of each match.
std::vector<unsigned> step(pid_t pid) {
  const auto entry = reinterpret_cast<uintptr_t>(&match_entry);
  std::vector<unsigned> counts;
  uintptr_t back = 0, stack = 0;
  bool inside = false;
  unsigned count = 0;
  int status;

  if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
    die("the child cannot be traced");
  for (;;) {
    if (ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr))
      die("PTRACE_SINGLESTEP");
    if (waitpid(pid, &status, 0) != pid)
      die("waitpid");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
      return counts;
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
      die("the child died");
    errno = 0;
    auto at = static_cast<uintptr_t>(
        ptrace(PTRACE_PEEKUSER, pid, offsetof(user_regs_struct, rip), nullptr));
    if (errno)
      die("PTRACE_PEEKUSER");
    if (!inside && at != entry)
      continue;
    if (inside)
      count++;
    if (!inside) {
      stack = static_cast<uintptr_t>(ptrace(
          PTRACE_PEEKUSER, pid, offsetof(user_regs_struct, rsp), nullptr));
      back =
          static_cast<uintptr_t>(ptrace(PTRACE_PEEKDATA, pid, stack, nullptr));
      inside = true;
      count = 0;
    } else if (at == back &&
               static_cast<uintptr_t>(
                   ptrace(PTRACE_PEEKUSER, pid, offsetof(user_regs_struct, rsp),
                          nullptr)) == stack + sizeof(uintptr_t)) {
      counts.push_back(count);
      inside = false;
    }
  }
}

bool run(const Shape &shape) {
  pacl_policy *policy = build(shape);
  std::mt19937 random(1);
  const unsigned samples = shape.samples;
  std::vector<pacl_request> asked;
  for (unsigned at = 0; at < samples; at++) {
    Request request = shape.ask(random());
    const std::vector<u32> *groups = request.groups;
    pacl_request asks = {};
    asks.groups = groups ? groups->data() : nullptr;
    asks.group_count = groups ? static_cast<u32>(groups->size()) : 0;
    asks.uid = request.uid;
    asks.gid = request.gid;
    asks.addr = request.addr;
    asks.now = {1000, 1000};
    asks.port = request.port;
    asks.proto = PACL_PROTO_TCP;
    asked.push_back(asks);
  }
  auto verdicts =
      static_cast<u8 *>(mmap(nullptr, samples, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (verdicts == MAP_FAILED)
    die("mmap");
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0)
    die("fork");
  if (pid == 0)
    child(policy, asked, verdicts);
  std::vector<unsigned> counts = step(pid);

  bool right = counts.size() == samples;
  for (unsigned at = 0; at < samples; at++)
    right = right && verdicts[at] == shape.verdict;
  std::ranges::sort(counts);
  double sum = std::accumulate(counts.begin(), counts.end(), 0.0);
  unsigned worst = counts.back();
  bool over = shape.budget != no_budget && worst > shape.budget;
  printf("%-24s %9u  %-8s %6u %8.1f %6u  ", shape.name, policy->rule_count,
         pacl_verdict_name(shape.verdict), counts.front(), sum / samples,
         worst);
  if (shape.budget == no_budget)
    printf("     -\n");
  else
    printf("%6u%s\n", shape.budget, over ? "  OVER" : "");
  munmap(verdicts, samples);
  pacl_policy_free(policy);
  if (!right) {
    fprintf(stderr, "%s: wrong verdict or count\n", shape.name);
    exit(2);
  }
  return !over;
}

std::vector<u32> some_groups(u32 first, u32 stride) {
  std::vector<u32> groups(256);
  for (u32 at = 0; at < groups.size(); at++)
    groups[at] = first + at * stride;
  return groups;
}

// 256 of the 65,536 groups, and 256 that no rule names.
const std::vector<u32> groups = some_groups(100, 250);
const std::vector<u32> strange_groups = some_groups(100000, 250);

u32 own_port(u32 gid) { return 1 + std::min(gid, 65534U); }

std::vector<Shape> shapes() {
  const Maker million = [](u32 at) {
    return rule(PACL_USER, 10000 + at, 443, 443);
  };
  const Maker own_ports = [](u32 at) {
    return rule(PACL_USER, 10000 + at, 1 + at % 1000, 1 + at % 1000);
  };
  const Maker ranged = [](u32 at) {
    u32 lo = 1024 + at % 60000;
    return rule(PACL_USER, 10000 + at, lo, lo + 9);
  };
  // uids as directories give them: far apart, without order
  const auto scattered = [](u32 at) { return at * 2654435761U >> 1; };
  const Maker nested = [](u32 at) {
    return rule(PACL_USER, 1000, at + 1, 65535 - at);
  };
  const Maker many_groups = [](u32 at) {
    return rule(PACL_GROUP, at, own_port(at), own_port(at));
  };
  const Maker one_port_groups = [](u32 at) {
    return rule(PACL_GROUP, at, 443, 443);
  };
  const Maker one = [](u32) { return rule(PACL_USER, 1000, 443, 443); };

  return {
      {"empty policy", 0, one,
       [](u32) {
         return Request{1000, 1000, 443};
       },
       PACL_DEFAULT, budget_ungoverned},
      {"one rule", 1, one,
       [](u32) {
         return Request{1000, 1000, 443};
       },
       PACL_GRANT, budget_granted},
      {"one rule, other port", 1, one,
       [](u32) {
         return Request{1000, 1000, 80};
       },
       PACL_DEFAULT, budget_ungoverned},
      {"one rule, other user", 1, one,
       [](u32) {
         return Request{1001, 1000, 443};
       },
       PACL_DEFAULT, no_budget},
      {"1M uids", 1000000, million,
       [](u32 r) {
         return Request{10000 + r % 1000000, 100, 443};
       },
       PACL_GRANT, budget_granted},
      {"1M uids, other port", 1000000, million,
       [](u32 r) {
         return Request{10000 + r % 1000000, 100, 80};
       },
       PACL_DEFAULT, budget_ungoverned},
      {"1M uids, stranger", 1000000, million,
       [](u32 r) {
         return Request{2000000 + r % 1000000, 100, 443};
       },
       PACL_DEFAULT, no_budget},
      {"1M uids, own ports", 1000000, own_ports,
       [](u32 r) {
         u32 at = r % 1000000;
         return Request{10000 + at, 100, static_cast<u16>(1 + at % 1000)};
       },
       PACL_GRANT, budget_granted},
      {"1M scattered uids", 1000000,
       [=](u32 at) { return rule(PACL_USER, scattered(at), 443, 443); },
       [=](u32 r) {
         return Request{scattered(r % 1000000), 100, 443};
       },
       PACL_GRANT, budget_granted},
      {"50,000 ranged users", 50000, ranged,
       [](u32 r) {
         u32 at = r % 50000;
         return Request{10000 + at, 100,
                        static_cast<u16>(1024 + at % 60000 + r / 50000 % 10)};
       },
       PACL_GRANT, budget_granted},
      {"50,000 ranged, stranger", 50000, ranged,
       [](u32 r) {
         return Request{90000 + r % 50000, 100,
                        static_cast<u16>(1024 + r % 50000)};
       },
       PACL_DEFAULT, no_budget},
      {"30,000 nested ranges", 30000, nested,
       [](u32 r) {
         return Request{1000, 100, static_cast<u16>(1 + r % 65535)};
       },
       PACL_GRANT, budget_granted},
      {"nested, other user", 30000, nested,
       [](u32 r) {
         return Request{1001, 100, static_cast<u16>(1 + r % 65535)};
       },
       PACL_DEFAULT, no_budget},
      {"10 users x 1,000 nested", 10000,
       [](u32 at) {
         return rule(PACL_USER, 1000 + at % 10, at / 10 + 1, 65535 - at / 10);
       },
       [](u32 r) {
         return Request{1000 + r % 10, 100,
                        static_cast<u16>(1 + r / 10 % 65535)};
       },
       PACL_GRANT, budget_granted},
      {"groups, gid", 65536, many_groups,
       [](u32 r) {
         return Request{5, r % 65536, static_cast<u16>(own_port(r % 65536)),
                        &strange_groups};
       },
       PACL_GRANT, budget_granted},
      {"groups, 1 of 256", 65536, many_groups,
       [](u32 r) {
         u32 gid = groups[r % 256];
         return Request{5, 200000, static_cast<u16>(own_port(gid)), &groups};
       },
       PACL_GRANT, budget_granted},
      {"groups, 256 strangers", 65536, many_groups,
       [](u32 r) {
         return Request{5, 200000, static_cast<u16>(1 + r % 65535),
                        &strange_groups};
       },
       PACL_DEFAULT, no_budget},
      {"groups on one port", 65536, one_port_groups,
       [](u32) {
         return Request{5, 200000, 443, &groups};
       },
       PACL_GRANT, no_budget, 5},
      {"one port, strangers", 65536, one_port_groups,
       [](u32) {
         return Request{5, 200000, 443, &strange_groups};
       },
       PACL_DEFAULT, no_budget, 5},
      {"any", 1, [](u32) { return rule(PACL_ANY, 0, 80, 80); },
       [](u32 r) {
         return Request{r % 100000, 100, 80};
       },
       PACL_GRANT, budget_granted},
      {"each, one for 50,000", 1,
       [](u32) { return each(10000, 59999, 10000, 1); },
       [](u32 r) {
         return Request{10000 + r % 50000, 100,
                        static_cast<u16>(10000 + r % 50000)};
       },
       PACL_GRANT, budget_granted},
      {"each, stranger", 1, [](u32) { return each(10000, 59999, 10000, 1); },
       [](u32 r) {
         return Request{5, 100, static_cast<u16>(10000 + r % 50000)};
       },
       PACL_DEFAULT, no_budget},
      {"each, 1,000 overlap", 1000,
       [](u32 at) { return each(10000 * at, 10000 * at + 999, 20000, 10); },
       [](u32 r) {
         return Request{10000 * (r % 1000) + r / 1000 % 1000, 100,
                        static_cast<u16>(20000 + r / 1000 % 1000 * 10)};
       },
       PACL_GRANT, no_budget, 20},
      {"1M uids and a deny", 1000001,
       [](u32 at) {
         return at ? rule(PACL_USER, 10000 + at, 443, 443)
                   : deny(rule(PACL_USER, 1, 443, 443));
       },
       [](u32 r) {
         return Request{10001 + r % 1000000, 100, 443};
       },
       PACL_GRANT, no_budget},
      {"1M denied uids", 1000000,
       [](u32 at) { return deny(rule(PACL_USER, 10000 + at, 443, 443)); },
       [](u32 r) {
         return Request{10000 + r % 1000000, 100, 443};
       },
       PACL_DENIED, no_budget},
      {"denied to any", 1, [](u32) { return deny(rule(PACL_ANY, 0, 80, 80)); },
       [](u32 r) {
         return Request{r % 100000, 100, 80};
       },
       PACL_DENIED, no_budget},
      {"owner of a reserved port", 50001,
       [](u32 at) {
         return at ? rule(PACL_USER, 10000 + at, 8080, 8080)
                   : reserve(8000, 8999);
       },
       [](u32 r) {
         return Request{10001 + r % 50000, 100, 8080};
       },
       PACL_GRANT, budget_granted},
      {"30,000 reservations", 30000,
       [](u32 at) { return reserve(at + 1, 65535 - at); },
       [](u32 r) {
         return Request{1000, 100, static_cast<u16>(1 + r % 65535)};
       },
       PACL_RESERVED, no_budget},
      {"1M uids, an address each", 1000000,
       [](u32 at) {
         return on(rule(PACL_USER, 10000 + at, 443, 443), 0x0a000000 + at);
       },
       [](u32 r) {
         u32 at = r % 1000000;
         return Request{10000 + at, 100, 443, nullptr,
                        PACL_ADDR_IPV4(0x0a000000 + at)};
       },
       PACL_GRANT, no_budget},
      {"1M uids, an end each", 1000000,
       [](u32 at) {
         return until(rule(PACL_USER, 10000 + at, 443, 443), 2000000000 + at);
       },
       [](u32 r) {
         return Request{10000 + r % 1000000, 100, 443};
       },
       PACL_GRANT, no_budget},
      // Tried one after the other.
      {"64 addresses of one user", 64,
       [](u32 at) {
         return on(rule(PACL_USER, 1000, 443, 443), 0x0a000000 + at);
       },
       [](u32 r) {
         return Request{1000, 100, 443, nullptr,
                        PACL_ADDR_IPV4(0x0a000000 + r % 64)};
       },
       PACL_GRANT, no_budget, 64},
  };
}

} // namespace

int main(int argc, char **argv) {
  bool check = false;
  std::vector<std::string_view> wanted;
  for (int at = 1; at < argc; at++) {
    if (!strcmp(argv[at], "--check"))
      check = true;
    else
      wanted.push_back(argv[at]);
  }
  printf("%-24s %9s  %-8s %6s %8s %6s  %6s\n", "shape", "rules", "verdict",
         "least", "mean", "most", "budget");
  unsigned over = 0, done = 0;
  for (const Shape &shape : shapes()) {
    if (!wanted.empty() && !std::ranges::count(wanted, shape.name))
      continue;
    over += !run(shape);
    done++;
  }
  if (!done) {
    fprintf(stderr, "no such shape\n");
    return 2;
  }
  printf("instructions; %u of %u shapes over budget\n", over, done);
  return check && over ? 1 : 0;
}
