// SPDX-License-Identifier: GPL-2.0-only
// What the names in the policy files stood for when they were last put into
// force: without it nobody could tell that a uid has got a new owner.

#ifndef PORTACL_LIB_NAME_RECORD_H
#define PORTACL_LIB_NAME_RECORD_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "lib/result.h"

namespace portacl {

// A user or a group as rules name it.
struct SubjectName {
  bool is_group = false;
  std::string name;

  bool operator==(const SubjectName &) const = default;
  bool operator<(const SubjectName &other) const {
    return std::tie(is_group, name) < std::tie(other.is_group, other.name);
  }
  // "user web", printable.
  std::string text() const;
};

class NameRecord final {
public:
  static std::string path(const std::string &root);

  // One that is not there is empty. An error if it is not to be trusted, as it
  // decides who is granted what while a directory service is down.
  static Result<NameRecord> read(const std::string &root);
  // The caller holds the ChangeLock.
  Result<void> write(const std::string &root) const;

  std::optional<uint32_t> find(const SubjectName &name) const;
  void set(const SubjectName &name, uint32_t id) { ids_[name] = id; }

  bool operator==(const NameRecord &) const = default;

private:
  std::map<SubjectName, uint32_t> ids_;
};

} // namespace portacl

#endif
