// SPDX-License-Identifier: GPL-2.0-only
// Units: how their files are read, what their capabilities become as rules.

#include "lib/unit_files.h"
#include "tool_test.h"

namespace portacl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

namespace fs = std::filesystem;

constexpr CapabilitySet raw = CapabilitySet{1} << 13U;

class ImportSystemdTest : public ToolTest {
protected:
  // A unit or a drop-in with these lines of its [Service].
  void unit(const std::string &file, const std::string &lines) {
    root.write("/etc/systemd/system/" + file, "[Service]\n" + lines);
  }
  Unit read(const std::string &name = "x") {
    units = read_units(root.path());
    EXPECT_TRUE(units.errors.empty());
    const Unit *found = find_unit(units, name);
    return found == nullptr ? Unit{} : *found;
  }
  CapabilitySet ambient(const std::string &lines) {
    unit("x.service", lines);
    return read().ambient;
  }
  void link(const std::string &path, const std::string &target) const {
    fs::create_directories(fs::path(root.path() + path).parent_path());
    fs::create_symlink(target, root.path() + path);
  }
  Outcome import(std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"import", "systemd"});
    Outcome outcome = run_tool(words);
    expect_good_policy(outcome.out);
    return outcome;
  }
  Units units;
};

TEST_F(ImportSystemdTest, Sets) {
  EXPECT_EQ(ambient("AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW\n"),
            port_capability | raw);
  EXPECT_EQ(ambient("AmbientCapabilities=cap_net_raw\n"
                    "AmbientCapabilities=\"CAP_NET_BIND_SERVICE\"\n"),
            port_capability | raw);
  EXPECT_EQ(ambient("AmbientCapabilities=CAP_NET_BIND_SERVICE CAP_NET_RAW\n"
                    "AmbientCapabilities=~CAP_NET_BIND_SERVICE\n"),
            raw);
  EXPECT_EQ(ambient("AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
                    "AmbientCapabilities=\n"),
            0U);
  // Of an empty set, "~" makes all others: as systemd does it.
  EXPECT_EQ(ambient("AmbientCapabilities=~CAP_NET_RAW\n"), ~raw);
  EXPECT_EQ(ambient("AmbientCapabilities=~\n"), ~CapabilitySet{0});
  EXPECT_EQ(ambient("AmbientCapabilities=CAP_NONSENSE 99\n"), 0U);
  unit("x.service", "CapabilityBoundingSet=~CAP_NET_BIND_SERVICE\n");
  EXPECT_EQ(read().bounding, ~port_capability);
  unit("x.service", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n"
                    "CapabilityBoundingSet=~CAP_NET_BIND_SERVICE\n"
                    "CapabilityBoundingSet=~CAP_NET_RAW\n");
  EXPECT_EQ(read().bounding, 0U);
}

TEST_F(ImportSystemdTest, Lines) {
  root.write("/etc/systemd/system/x.service",
             "User=before\n"
             "[Unit]\nUser=eve\n"
             "[Service]\n"
             "  User = web  \n"
             "; User=eve\n"
             "#User=eve \\\n"
             "AmbientCapabilities=CAP_NET_RAW \\\n"
             "# in between\n"
             "  CAP_NET_BIND_SERVICE\n"
             "ExecStart=-\"/opt/my server\" --x\n"
             "[Install]\nUser=eve\n");
  Unit found = read();
  EXPECT_EQ(found.user, "web");
  EXPECT_EQ(found.ambient, port_capability | raw);
  EXPECT_THAT(found.programs, ElementsAre("/opt/my server"));
  // The last line may go on into nothing, and a unit may be nonsense.
  root.write("/etc/systemd/system/x.service",
             "[Service]\nExecStart=\"\nSocketBindAllow='\nUser=web\\");
  EXPECT_EQ(read().user, "web");
  root.write("/etc/systemd/system/x.service",
             "[Service]\nUser=web\\\\\nUser=eve\n");
  EXPECT_EQ(read().user, "eve");
}

TEST_F(ImportSystemdTest, WhereFilesAre) {
  root.write("/usr/lib/systemd/system/x.service", "[Service]\nUser=eve\n");
  EXPECT_EQ(read().user, "eve");
  unit("x.service", "User=web\n");
  EXPECT_EQ(read().user, "web");
  EXPECT_THAT(units.units, SizeIs(1));
  root.write("/run/systemd/system/y.service", "[Service]\n");
  EXPECT_THAT(read_units(root.path()).units, SizeIs(2));
  link("/etc/systemd/system/y.service", "/dev/null");
  EXPECT_THAT(read_units(root.path()).units, SizeIs(1)) << "masked";
  root.write("/etc/systemd/system/x.service", "");
  EXPECT_THAT(read_units(root.path()).units, SizeIs(0)) << "empty masks, too";
}

TEST_F(ImportSystemdTest, DropIns) {
  unit("foo-bar@.service", "User=eve\n");
  unit("foo-bar@.service.d/20-x.conf", "User=web\n");
  root.write("/usr/lib/systemd/system/service.d/10-all.conf",
             "[Service]\nDynamicUser=yes\n");
  unit("foo-.service.d/15-x.conf", "DynamicUser=no\n");
  Unit found = read("foo-bar@.service");
  // A prefix of a template is one of templates.
  EXPECT_THAT(found.drop_ins, SizeIs(2));
  EXPECT_TRUE(found.dynamic_user);
  unit("foo-@.service.d/15-x.conf", "DynamicUser=no\n");
  found = read("foo-bar@.service");
  EXPECT_THAT(found.drop_ins, SizeIs(3));
  EXPECT_FALSE(found.dynamic_user);
  EXPECT_EQ(found.user, "web");
  link("/etc/systemd/system/foo-bar@.service.d/10-all.conf", "/dev/null");
  EXPECT_THAT(read("foo-bar@.service").drop_ins, SizeIs(2));
}

TEST_F(ImportSystemdTest, Aliases) {
  unit("real.service", "User=web\n");
  link("/etc/systemd/system/alias.service", "/etc/systemd/system/real.service");
  link("/etc/systemd/system/multi-user.target.wants/alias.service",
       "../real.service");
  unit("alias.service.d/x.conf", "DynamicUser=yes\n");
  const Unit found = read("alias");
  EXPECT_EQ(found.name, "real.service");
  EXPECT_TRUE(found.dynamic_user);
  EXPECT_TRUE(found.wanted);
  EXPECT_THAT(units.units, SizeIs(1));
}

TEST_F(ImportSystemdTest, NothingIsFound) {
  unit("plain.service", "User=web\n");
  unit("root.service", "AmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  unit("other.service", "User=web\nAmbientCapabilities=CAP_NET_RAW\n");
  unit("hard.service", "User=web\nCapabilityBoundingSet=~CAP_SYS_ADMIN\n");
  const Outcome outcome = import();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err, "nothing found that systemd allows\n");
}

TEST_F(ImportSystemdTest, PortsNobodyKnows) {
  unit("x.service", "User=web\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  const Outcome outcome = import();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("x.service: AmbientCapabilities=CAP_NET"));
  EXPECT_THAT(outcome.out, HasSubstr("\n#allow user web 1-1023\n"));
  EXPECT_THAT(outcome.out,
              HasSubstr("/etc/systemd/system/x.service.d/zz-portacl.conf:\n"
                        "#         [Service]\n"
                        "#         AmbientCapabilities=\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("Bounding")));
  EXPECT_THAT(outcome.out, HasSubstr("#     systemctl daemon-reload && "
                                     "systemctl restart x.service\n"));
}

TEST_F(ImportSystemdTest, PortsThatAreDeclared) {
  unit("x.service", "User=1001\nAmbientCapabilities=CAP_NET_BIND_SERVICE "
                    "CAP_NET_RAW\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE "
                    "CAP_NET_RAW\n"
                    "SocketBindAllow=ipv4:tcp:443 udp:53 80 1000-2000\n"
                    "SocketBindAllow=tcp:8080\nSocketBindAllow=ipv6 any\n");
  const Outcome outcome = import();
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 80,1000-1023\n"));
  EXPECT_THAT(outcome.out,
              HasSubstr("\nallow user web 443/tcp on 0.0.0.0/0\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 53/udp\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("IPv6")));
  EXPECT_THAT(outcome.out, Not(HasSubstr("8080")));
  EXPECT_THAT(
      outcome.out,
      HasSubstr("#         AmbientCapabilities=\n"
                "#         AmbientCapabilities=CAP_NET_RAW\n"
                "#         CapabilityBoundingSet=~CAP_NET_BIND_SERVICE\n"));
}

TEST_F(ImportSystemdTest, PortsOfAFamily) {
  unit("x.service", "User=web\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"
                    "SocketBindAllow=ipv4:tcp:80 ipv6:443 ipv4:53\n");
  // A socket that the words explain adds nothing.
  write_listeners({{812, "x", 1001, true, "tcp", "00000000:0050"},
                   {812, "x", 1001, true, "udp", "00000000:0035"},
                   {812, "x", 1001, true, "udp", "00000000:0050"}});
  root.write("/proc/812/cgroup", "0::/system.slice/x.service\n");
  const Outcome outcome = import();
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 80/tcp on 0.0.0.0/0\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 53 on 0.0.0.0/0\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 443\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nallow user web 80/udp\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr(" 80/tcp\n")));
  EXPECT_THAT(outcome.out, Not(HasSubstr(" 53/udp\n")));
  EXPECT_THAT(outcome.out,
              HasSubstr("# SocketBindAllow= is for IPv6 only, the rule for "
                        "both families\n"));
}

TEST_F(ImportSystemdTest, PortsThatAreInUse) {
  unit("x@.service", "User=web\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  write_listeners({{812, "x", 1001, true, "tcp", "00000000:01BB"},
                   {813, "x", 1001, true, "tcp", "00000000:0050"},
                   {814, "x", 1002, true, "tcp", "00000000:0051"},
                   {815, "x", 1001, true, "tcp", "00000000:0052"}});
  root.write("/proc/812/cgroup",
             "0::/system.slice/system-x.slice/x@1.service\n");
  root.write("/proc/813/cgroup", "0::/system.slice/y.service\n");
  root.write("/proc/814/cgroup", "0::/system.slice/x@1.service/part\n");
  root.write("/proc/815/cgroup",
             "0::/user.slice/user-1001.slice/user@1001.service/x@1.service\n");
  const Outcome outcome = import({"x@1"});
  EXPECT_THAT(outcome.out, HasSubstr("# x (pid 812) listens on 443/tcp now\n"
                                     "allow user web 443/tcp\n"));
  EXPECT_THAT(outcome.out, Not(HasSubstr(" 80/")));
  EXPECT_THAT(outcome.out, Not(HasSubstr(" 81/")));
  EXPECT_THAT(outcome.out, Not(HasSubstr(" 82/")));
  EXPECT_THAT(outcome.out, HasSubstr("restart 'x@*.service'"));
}

TEST_F(ImportSystemdTest, AllCapabilitiesButSome) {
  unit("x.service", "User=web\nAmbientCapabilities=~CAP_SYS_ADMIN\n");
  EXPECT_THAT(import().out,
              HasSubstr("#         AmbientCapabilities=\n"
                        "#         AmbientCapabilities=~CAP_NET_BIND_SERVICE "
                        "CAP_SYS_ADMIN\n"));
}

// What the drop-in says makes an end of it, whatever files there are already.
TEST_F(ImportSystemdTest, TheDropInWorks) {
  unit("x.service",
       "User=web\nAmbientCapabilities=CAP_NET_BIND_SERVICE "
       "CAP_NET_RAW\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n");
  unit("x.service.d/zzz.conf", "AmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  const Outcome outcome = import();
  EXPECT_THAT(outcome.out, HasSubstr("/x.service.d/zzz~portacl.conf:"));
  unit("x.service.d/zzz~portacl.conf",
       "AmbientCapabilities=\nAmbientCapabilities=CAP_NET_RAW\n"
       "CapabilityBoundingSet=~CAP_NET_BIND_SERVICE\n");
  EXPECT_EQ(read().ambient, raw);
  EXPECT_EQ(import().out, "");
}

TEST_F(ImportSystemdTest, DropInsThatSortLate) {
  unit("x.service", "User=web\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  unit("x.service.d/~last.conf", "");
  EXPECT_THAT(import().out, HasSubstr("/x.service.d/~last~portacl.conf:"));
  unit("x.service.d/\u00fcberall.conf", "");
  EXPECT_THAT(import().out, HasSubstr("d/\u00fcberall~portacl.conf:"));
  // Ours is replaced.
  unit("x.service.d/\u00fcberall~portacl.conf",
       "AmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  EXPECT_THAT(import().out, HasSubstr("d/\u00fcberall~portacl.conf:"));
  unit("x.service.d/\u00fcz" + std::string(240, 'z') + ".conf", "");
  const Outcome outcome = import();
  EXPECT_THAT(outcome.err, HasSubstr("no name of a drop-in is long enough"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("take the capability")));
}

TEST_F(ImportSystemdTest, Instances) {
  const std::string gives = "AmbientCapabilities=CAP_NET_BIND_SERVICE\n";
  unit("x@.service", "User=web\n");
  link("/etc/systemd/system/multi-user.target.wants/x@80.service",
       "../x@.service");
  unit("x@80.service.d/override.conf", gives);
  Unit found = read("x@80");
  EXPECT_EQ(found.name, "x@80.service");
  EXPECT_TRUE(found.wanted);
  EXPECT_TRUE(found.gives_ports());
  EXPECT_FALSE(read("x@").gives_ports());
  EXPECT_THAT(import().out,
              HasSubstr("/etc/systemd/system/x@80.service.d/zz-portacl.conf:"));
  EXPECT_THAT(import().out, HasSubstr("x@80.service.d/override.conf: Ambient"));
  // Known by its drop-ins only, or by a link of its name.
  unit("x@81.service.d/override.conf", gives);
  found = read("x@81");
  EXPECT_EQ(found.name, "x@81.service");
  EXPECT_FALSE(found.wanted);
  link("/etc/systemd/system/x@82.service", "x@.service");
  unit("x@82.service.d/override.conf", gives);
  EXPECT_EQ(read("x@82").name, "x@82.service");
  EXPECT_FALSE(read("x@").gives_ports());
  // What is no other unit, or none.
  link("/etc/systemd/system/multi-user.target.wants/x@83.service",
       "../x@.service");
  EXPECT_EQ(read("x@83").name, "x@.service");
  link("/etc/systemd/system/x@84.service", "/dev/null");
  unit("x@84.service.d/override.conf", gives);
  EXPECT_EQ(read("x@84").name, "x@.service");
  unit("x@85.service", "User=eve\n");
  EXPECT_EQ(read("x@85").user, "eve");
  EXPECT_THAT(units.units, SizeIs(5));
}

TEST_F(ImportSystemdTest, LinksToElsewhere) {
  root.write("/opt/x/real.service", "[Service]\nUser=web\n");
  link("/etc/systemd/system/x.service", "/opt/x/real.service");
  link("/etc/systemd/system/y.service", "../../../opt/x/real.service");
  EXPECT_EQ(read("x").name, "x.service");
  EXPECT_EQ(read("y").user, "web");
  EXPECT_THAT(units.units, SizeIs(2));
}

TEST_F(ImportSystemdTest, StartedByOthers) {
  const std::string wants = "/etc/systemd/system/sockets.target.wants/";
  for (const char *name : {"a", "b", "c", "d@", "e", "f@", "g"})
    unit(std::string(name) + ".service", "User=web\n");
  root.write("/etc/systemd/system/a.timer", "[Timer]\nUnit=\n");
  root.write("/etc/systemd/system/x.path", "[Path]\nUnit=b.service\n");
  root.write("/etc/systemd/system/x.socket",
             "[Timer]\nService=e.service\n[Socket]\nService=c.service\n");
  root.write("/etc/systemd/system/d.socket", "[Socket]\nAccept=yes\n");
  root.write("/etc/systemd/system/e.timer", "[Timer]\n");
  root.write("/etc/systemd/system/f@.timer", "[Timer]\n");
  link("/etc/systemd/system/g.timer", "/dev/null");
  for (const char *name :
       {"a.timer", "x.path", "x.socket", "d.socket", "f@1.timer", "g.timer"})
    link(wants + name, "../there");
  for (const char *name : {"a", "b", "c", "d@", "f@"})
    EXPECT_TRUE(read(name).wanted) << name;
  EXPECT_FALSE(read("e").wanted) << "its timer is not";
  EXPECT_FALSE(read("g").wanted) << "its timer is masked";
}

TEST_F(ImportSystemdTest, Booleans) {
  unit("x.service", "DynamicUser=Yes\nPrivateUsers=TRUE\nPrivateNetwork=On\n");
  Unit found = read();
  EXPECT_TRUE(found.dynamic_user && found.private_users && found.own_network());
  unit("x.service", "DynamicUser=No\nNetworkNamespacePath=/run/netns/x\n"
                    "NetworkNamespacePath=\n");
  found = read();
  EXPECT_FALSE(found.dynamic_user || found.own_network());
  unit("x.service", "PrivateNetwork=yes\nNetworkNamespacePath=\n");
  EXPECT_TRUE(read().own_network());
  for (const std::string mapping : {"self", "identity", "full", "managed"}) {
    unit("x.service", "PrivateUsers=" + mapping + "\n");
    EXPECT_TRUE(read().private_users) << mapping;
  }
}

TEST_F(ImportSystemdTest, RootByAnyName) {
  for (const char *name : {"", "0", "+0", "00", "root"}) {
    unit("x.service", "User=" + std::string(name) + "\n");
    EXPECT_TRUE(read().is_root()) << name;
  }
  unit("x.service", "User=1001\n");
  EXPECT_FALSE(read().is_root());
}

TEST_F(ImportSystemdTest, DirectoriesThatCannotBeRead) {
  link("/etc/systemd/system", "system");
  const Outcome outcome = run_tool({"doctor", "units"});
  EXPECT_THAT(outcome.out, HasSubstr("warn  units         cannot read "));
  EXPECT_THAT(outcome.out, HasSubstr("make it what systemd can read"));
}

TEST_F(ImportSystemdTest, FilesThatCannotBeRead) {
  unit("x@.service", "User=web\n");
  unit("x@1.service.d/a.conf", "DynamicUser=yes\n");
  fs::create_directories(root.path() +
                         "/etc/systemd/system/x@.service.d/b.conf");
  EXPECT_THAT(read_units(root.path()).errors, SizeIs(1));
  EXPECT_THAT(run_tool({"doctor", "units"}).out,
              HasSubstr("b.conf: not a regular file\n                        "
                        "make it what systemd can read, or remove it\n"));
}

TEST_F(ImportSystemdTest, WhoCannotBeTold) {
  const std::string gives = "AmbientCapabilities=CAP_NET_BIND_SERVICE\n";
  unit("a.service", "DynamicUser=yes\n" + gives);
  unit("b@.service", "User=%i\n" + gives);
  unit("c.service", "User=nosuchuser\n" + gives);
  unit("d.service", "User=root\n" + gives);
  unit("e.service", "User=evil\"\\nallow any 1-1023\n" + gives);
  const Outcome outcome = import();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("a.service: DynamicUser=yes"));
  EXPECT_THAT(outcome.err, HasSubstr("b@.service: User=%i is another one"));
  EXPECT_THAT(outcome.err, HasSubstr("c.service: "));
  EXPECT_THAT(outcome.err, Not(HasSubstr("d.service")));
  // A user of this name who is there is the one.
  unit("a.service", "DynamicUser=yes\nUser=web\n" + gives);
  EXPECT_THAT(import({"a.service"}).out, HasSubstr("#allow user web 1-1023"));
}

TEST_F(ImportSystemdTest, NeverMoreThanTheUnitHad) {
  const std::string lines = "User=web\nSocketBindAllow=443\n"
                            "AmbientCapabilities=CAP_NET_BIND_SERVICE\n";
  unit("a.service", lines + "PrivateNetwork=yes\n");
  unit("b.service", lines + "PrivateUsers=true\n");
  unit("c.service", lines + "NetworkNamespacePath=/run/netns/x\n");
  unit("d.service", "User=web\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\n");
  const Outcome outcome = import();
  EXPECT_THAT(outcome.out, Not(HasSubstr("\nallow")));
  EXPECT_THAT(outcome.out, HasSubstr("scope all"));
  EXPECT_THAT(outcome.out, HasSubstr("PrivateUsers=yes"));
  EXPECT_THAT(outcome.out, HasSubstr("import setcap"));
}

TEST_F(ImportSystemdTest, NoSuchUnit) {
  unit("x.service", "User=web\n");
  EXPECT_EQ(import({"y"}).status, 2);
  const Outcome outcome = import({"x"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("x.service gives no user"));
}

TEST_F(ImportSystemdTest, DoctorSeesNone) {
  unit("x.service", "User=web\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  const Outcome outcome = run_tool({"doctor", "units"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("pass  units"));
  EXPECT_THAT(outcome.out, HasSubstr("x.service would"));
}

TEST_F(ImportSystemdTest, DoctorSeesThem) {
  unit("x.service", "User=web\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  link("/etc/systemd/system/multi-user.target.wants/x.service", "../x.service");
  unit("y.service", "User=eve\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  fs::create_directories(root.path() + "/sys/fs/cgroup/system.slice/y.service");
  const Outcome outcome = run_tool({"doctor", "units"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_THAT(outcome.out, HasSubstr("warn  units"));
  EXPECT_THAT(outcome.out, HasSubstr("portaclctl import systemd x.service\n"));
  EXPECT_THAT(outcome.out, HasSubstr("y.service gives user eve"));
  unit("my-z@.service", "User=eve\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  EXPECT_THAT(run_tool({"doctor", "units"}).out, Not(HasSubstr("my-z@")));
  // systemd escapes the dash in the name of the slice.
  fs::create_directories(root.path() + "/sys/fs/cgroup/system.slice/"
                                       "system-my\\x2dz.slice/my-z@1.service");
  EXPECT_THAT(run_tool({"doctor", "units"}).out,
              HasSubstr("my-z@.service gives user eve"));
}

} // namespace
} // namespace portacl
