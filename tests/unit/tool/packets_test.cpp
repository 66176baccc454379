// SPDX-License-Identifier: GPL-2.0-only
// Rules of packet filters: how they are read, and what becomes of packets.

#include <fmt/format.h>

#include "lib/firewalld.h"
#include "lib/iptables.h"
#include "lib/nftables.h"
#include "lib/shell_words.h"
#include "tool_test.h"

namespace portacl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::string ports_of(const Packets &packets) {
  PortSet ports;
  for (const PortRange &range : packets.ports)
    add_ports(ports, range);
  return port_list(ports);
}

// "80>8080", with an address "80>127.0.0.1:8080", with limits "80>8080 (...)".
std::vector<std::string> arrows(const PacketFates &fates) {
  std::vector<std::string> list;
  for (const PacketRedirect &redirect : fates.redirects) {
    const PacketTarget &to = redirect.target;
    std::string text = fmt::format("{}>{}{}", ports_of(redirect.packets),
                                   to.address.empty() ? "" : to.address + ":",
                                   to.ports ? range_text(*to.ports) : "same");
    if (!redirect.packets.limits.empty())
      text += fmt::format(" ({})", fmt::join(redirect.packets.limits, "; "));
    if (!redirect.packets.destination.empty())
      text += " on " + redirect.packets.destination;
    list.push_back(text);
  }
  return list;
}

class PacketsTest : public testing::Test {
protected:
  PacketsTest() { write_names(root_); }

  PacketFates iptables(const std::string &text) {
    Names names(root_.path());
    PacketTables tables;
    read_iptables({.text = text, .program = "iptables"}, names, tables);
    return packet_fates(tables);
  }
  PacketFates nat(const std::string &rules) {
    return iptables("*nat\n:PREROUTING ACCEPT [0:0]\n:mine - [0:0]\n" + rules +
                    "COMMIT\n");
  }
  PacketFates filter(const std::string &rules, const char *policy = "ACCEPT") {
    return iptables(
        fmt::format("*filter\n:INPUT {} [0:0]\n:mine - [0:0]\n", policy) +
        rules + "COMMIT\n");
  }
  std::string dropped(const PacketFates &fates, unsigned protocol) {
    std::string all;
    for (const PacketDrop &drop : fates.drops) {
      if (drop.packets.protocols == protocol)
        all += ports_of(drop.packets) + ";";
    }
    return all;
  }
  PacketFates nft(const std::string &items) {
    Names names(root_.path());
    PacketTables tables;
    const auto read =
        read_nftables("{\"nftables\":[" + items + "]}", "", {}, names, tables);
    EXPECT_TRUE(read);
    return packet_fates(tables);
  }
  PacketFates nft_rule(const std::string &statements) {
    return nft(R"({"table":{"family":"ip","name":"n"}},)"
               R"({"map":{"family":"ip","name":"m","table":"n",)"
               R"("elem":[[25,2525]]}},)"
               R"({"chain":{"family":"ip","table":"n","name":"p",)"
               R"("type":"nat","hook":"prerouting","prio":-100}},)"
               R"({"rule":{"family":"ip","table":"n","chain":"p","handle":7,)"
               R"("expr":[)" +
               statements + "]}}");
  }
  Result<PacketTables> firewalld(const std::string &xml,
                                 const std::string &file) {
    Names names(root_.path());
    PacketTables tables;
    if (auto read = read_firewalld(xml, file, names, tables); !read)
      return read.error();
    return tables;
  }

  TempRoot root_;
};

TEST_F(PacketsTest, IptablesPorts) {
  EXPECT_THAT(arrows(nat("-A PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT "
                         "--to-ports 8080\n")),
              ElementsAre("80>8080"));
  EXPECT_THAT(arrows(nat("[1:60] -A PREROUTING -p udp -m multiport --dports "
                         "53,1000:1010 -j DNAT --to-destination 127.0.0.1:5353 "
                         "--random\n")),
              ElementsAre("53,1000-1010>127.0.0.1:5353"));
  EXPECT_THAT(arrows(nat("-A PREROUTING -p tcp --dport http -j REDIRECT "
                         "--to-ports 8080-8090\n")),
              ElementsAre("80>8080-8090"));
  EXPECT_THAT(arrows(nat("-A PREROUTING -p tcp ! --dport 1:65534 -j REDIRECT "
                         "--to-ports 9\n")),
              ElementsAre("0,65535>9"));
  EXPECT_THAT(arrows(nat("-A PREROUTING -p icmp -j REDIRECT\n")), IsEmpty());
}

TEST_F(PacketsTest, IptablesTargets) {
  const auto to = [&](const std::string &target) {
    return arrows(nat("-A PREROUTING -p tcp --dport 80 -j DNAT "
                      "--to-destination " +
                      target + "\n"));
  };
  EXPECT_THAT(to("192.0.2.1"), ElementsAre("80>192.0.2.1:same"));
  EXPECT_THAT(to(":8080"), ElementsAre("80>8080"));
  EXPECT_THAT(to("[::1]:8080"), ElementsAre("80>::1:8080"));
  EXPECT_THAT(to("2001:db8::1"), ElementsAre("80>2001:db8::1:same"));
  EXPECT_THAT(to("10.0.0.1:8000-8010/80"),
              ElementsAre("80>10.0.0.1:8000-8010"));
}

TEST_F(PacketsTest, IptablesConditions) {
  EXPECT_THAT(arrows(nat("-A PREROUTING ! -s 192.0.2.0/24 -d 192.0.2.1/32 -i "
                         "eth0 -p tcp --dport 80 -m owner --uid-owner 5 -j "
                         "REDIRECT --to-ports 81\n")),
              ElementsAre("80>81 (not from 192.0.2.0/24; that come in by eth0; "
                          "-m owner; --uid-owner 5) on 192.0.2.1"));
  EXPECT_THAT(arrows(nat("-A PREROUTING -p tcp -m addrtype --dst-type LOCAL -m "
                         "conntrack --ctstate NEW -m tcp --tcp-flags "
                         "FIN,SYN,RST,ACK SYN --dport 80 -m comment --comment "
                         "\"-j DROP it\\'s\" -j REDIRECT --to-ports 81\n")),
              ElementsAre("80>81"));
}

TEST_F(PacketsTest, IptablesMistakes) {
  for (const char *rule :
       {"-A PREROUTING -p tcp --dport 65536 -j REDIRECT --to-ports 1\n",
        "-A PREROUTING -p tcp --dport 90:80 -j REDIRECT --to-ports 1\n",
        "-A PREROUTING -p tcp --dport nosuch -j REDIRECT --to-ports 1\n",
        "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 70000\n",
        "-A PREROUTING -p tcp --dport\n", "-A PREROUTING \"unended\n", "-X\n",
        "nonsense\n"}) {
    const PacketFates fates = nat(rule);
    EXPECT_THAT(fates.redirects, IsEmpty()) << rule;
    ASSERT_THAT(fates.warnings, SizeIs(1)) << rule;
    EXPECT_EQ(fates.warnings[0].line, 4U);
  }
  // Not one for each of a thousand.
  std::string bad;
  for (int i = 0; i < 1000; i++)
    bad += "nonsense\n";
  EXPECT_THAT(nat(bad).warnings, SizeIs(10));
}

TEST_F(PacketsTest, Removal) {
  const PacketFates fates =
      nat("-A PREROUTING -p tcp --dport 80 -m comment --comment \"it\\'s "
          "$(here)\" -j REDIRECT --to-ports 8080\n");
  EXPECT_EQ(fates.redirects.at(0).remove,
            "iptables -t nat -D PREROUTING -p tcp --dport 80 -m comment "
            "--comment 'it'\\''s $(here)' -j REDIRECT --to-ports 8080");
}

TEST_F(PacketsTest, Chains) {
  const std::string mine = "-A mine -p tcp --dport 80 -j REDIRECT --to-ports "
                           "8080\n";
  EXPECT_THAT(arrows(nat(mine)), IsEmpty());
  EXPECT_THAT(arrows(nat("-A PREROUTING -s 192.0.2.1 -j mine\n" + mine)),
              ElementsAre("80>8080 (from 192.0.2.1)"));
  EXPECT_THAT(arrows(nat("-A PREROUTING -p udp -j mine\n" + mine)), IsEmpty());
  EXPECT_THAT(arrows(nat("-A PREROUTING -j mine\n-A mine -p tcp --dport 80 -j "
                         "RETURN\n" +
                         mine)),
              IsEmpty());
  EXPECT_THAT(arrows(nat("-A PREROUTING -g mine\n-A PREROUTING -p tcp --dport "
                         "81 -j REDIRECT --to-ports 8081\n" +
                         mine)),
              ElementsAre("80>8080"));
}

// The second user gets nothing, and must be allowed nothing.
TEST_F(PacketsTest, TheFirstDecides) {
  EXPECT_THAT(arrows(nat("-A PREROUTING -p tcp --dport 80 -j REDIRECT "
                         "--to-ports 8080\n-A PREROUTING -p tcp --dport 80:81 "
                         "-j REDIRECT --to-ports 9090\n")),
              ElementsAre("80>8080", "81>9090"));
  EXPECT_THAT(arrows(nat("-A PREROUTING -p tcp --dport 80 -j ACCEPT\n-A "
                         "PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports "
                         "9090\n")),
              IsEmpty());
}

// Others than those of 192.0.2.1 come to the redirect.
TEST_F(PacketsTest, Exceptions) {
  const std::string redirect =
      "-A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080\n";
  for (const char *target : {"ACCEPT", "RETURN"}) {
    const std::string rule = std::string("-A PREROUTING -s 192.0.2.1 -p tcp "
                                         "--dport 80 -j ") +
                             target;
    EXPECT_THAT(arrows(nat(rule + "\n" + redirect)),
                ElementsAre("80>8080 (that no earlier rule takes "
                            "(iptables-save: nat: " +
                            rule + "))"));
  }
  for (const char *rule :
       {"-A PREROUTING -s 192.0.2.1 -p tcp --dport 81 -j RETURN\n",
        "-A PREROUTING -s 192.0.2.1 -p udp --dport 80 -j ACCEPT\n",
        "-A PREROUTING -i lo -j RETURN\n",
        // Of another chain than the one that the redirect is in.
        "-A PREROUTING -j mine\n-A mine -s 192.0.2.1 -j RETURN\n"})
    EXPECT_THAT(arrows(nat(rule + redirect)), ElementsAre("80>8080")) << rule;
  // What the chain gives back comes to the next.
  EXPECT_THAT(arrows(nat("-A PREROUTING -j mine\n-A mine -s 192.0.2.1 -j "
                         "RETURN\n-A mine -p tcp --dport 80 -j REDIRECT "
                         "--to-ports 9090\n" +
                         redirect)),
              ElementsAre(HasSubstr("80>9090 (that no earlier"),
                          HasSubstr("80>8080 (that no earlier")));
  EXPECT_THAT(arrows(nat("-A PREROUTING -i eth0 -j mine\n-A mine -p tcp "
                         "--dport 80 -j RETURN\n-A mine -p tcp --dport 80 -j "
                         "REDIRECT --to-ports 9090\n")),
              IsEmpty());
  std::string many;
  for (int i = 0; i < 3000; i++)
    many += fmt::format("-A PREROUTING -s 10.0.{}.{} -j RETURN\n", i / 256,
                        i % 256);
  const PacketFates fates = nat(many + redirect);
  EXPECT_THAT(fates.redirects.at(0).packets.limits, SizeIs(4));
}

TEST_F(PacketsTest, Circles) {
  const PacketFates circle =
      nat("-A PREROUTING -j mine\n-A mine -j mine\n-A mine -p tcp --dport 80 "
          "-j REDIRECT --to-ports 8080\n");
  EXPECT_THAT(arrows(circle), ElementsAre("80>8080"));
  std::string many = "-A PREROUTING -j mine\n";
  for (int i = 0; i < 8; i++)
    many += "-A mine -j mine\n";
  const PacketFates burst = nat(many);
  ASSERT_THAT(burst.warnings, SizeIs(1));
  EXPECT_THAT(burst.warnings[0].message,
              HasSubstr("gave up after 100000 rules"));
}

TEST_F(PacketsTest, ManyRedirects) {
  // Each level has the chain below it twice: a million ways.
  std::string rules = "-A PREROUTING -j c0\n";
  for (int i = 0; i < 20; i++) {
    for (const char *name : {"a", "b"})
      rules += fmt::format("-A c{} -i {}{} -j c{}\n", i, name, i, i + 1);
  }
  rules += "-A c20 -p tcp --dport 80 -j REDIRECT --to-ports 8080\n";
  const PacketFates fates = nat(rules);
  EXPECT_THAT(fates.redirects, SizeIs(4096));
  ASSERT_THAT(fates.warnings, SizeIs(1));
  EXPECT_THAT(fates.warnings[0].message, HasSubstr("4096 redirects"));
  std::string conditions = "-A PREROUTING";
  for (int i = 0; i < 1000; i++)
    conditions += fmt::format(" -m x{}", i);
  EXPECT_THAT(nat(conditions + " -p tcp --dport 80 -j REDIRECT --to-ports 81\n")
                  .redirects.at(0)
                  .packets.limits,
              SizeIs(32));
}

TEST_F(PacketsTest, Drops) {
  EXPECT_EQ(dropped(filter("-A INPUT -p tcp --dport 23 -j DROP\n"), packet_tcp),
            "23;");
  EXPECT_EQ(
      dropped(filter("-A INPUT -p udp --dport 1:9 -j REJECT\n"), packet_udp),
      "1-9;");
  EXPECT_EQ(dropped(filter("-A INPUT -s 192.0.2.1 -p tcp --dport 23 -j DROP\n"),
                    packet_tcp),
            "");
  EXPECT_EQ(dropped(filter("-A INPUT -p tcp --dport 22 -j ACCEPT\n-A INPUT -p "
                           "tcp --dport 22:23 -j DROP\n"),
                    packet_tcp),
            "23;");
  // Who may come from somewhere is not dropped for sure.
  EXPECT_EQ(dropped(filter("-A INPUT -s 192.0.2.1 -p tcp --dport 22 -j ACCEPT\n"
                           "-A INPUT -p tcp --dport 22:23 -j DROP\n"),
                    packet_tcp),
            "23;");
}

TEST_F(PacketsTest, PolicyDrop) {
  const PacketFates fates = filter(
      "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate "
      "RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -p tcp --dport 22 -j mine\n-A "
      "mine -j ACCEPT\n-A INPUT -m set --match-set good src -p udp -j ACCEPT\n",
      "DROP");
  EXPECT_EQ(dropped(fates, packet_tcp), "0-21,23-65535;");
  EXPECT_EQ(dropped(fates, packet_udp), "");
  EXPECT_EQ(fates.drops.at(0).place, "the policy of iptables filter INPUT");
}

// What is not tracked may be new; what is redirected has another port.
TEST_F(PacketsTest, States) {
  const auto all = [this](const std::string &condition) {
    return dropped(filter("-A INPUT " + condition + " -j ACCEPT\n", "DROP"),
                   packet_tcp);
  };
  EXPECT_EQ(all("-m conntrack --ctstate RELATED,ESTABLISHED"), "0-65535;");
  EXPECT_EQ(all("-m conntrack --ctstate RELATED,UNTRACKED"), "");
  EXPECT_EQ(all("-m conntrack --ctstate DNAT"), "0-65535;");
  EXPECT_EQ(all("-m conntrack --ctstatus DNAT"), "0-65535;");
  EXPECT_EQ(all("-m conntrack --ctstatus ASSURED"), "");
  EXPECT_EQ(all("-m conntrack ! --ctstatus DNAT"), "");
  const auto nft_all = [this](const std::string &match) {
    return dropped(
        nft(R"({"table":{"family":"ip","name":"f"}},{"chain":{"family":"ip",)"
            R"("table":"f","name":"i","type":"filter","hook":"input",)"
            R"("prio":0,"policy":"drop"}},{"rule":{"family":"ip",)"
            R"("table":"f","chain":"i","handle":7,"expr":[{"match":)" +
            match + R"(},{"accept":null}]}})"),
        packet_tcp);
  };
  EXPECT_EQ(nft_all(R"({"op":"in","left":{"ct":{"key":"status"}},)"
                    R"("right":"dnat"})"),
            "0-65535;");
  EXPECT_EQ(nft_all(R"({"op":"in","left":{"ct":{"key":"status"}},)"
                    R"("right":"assured"})"),
            "");
  EXPECT_EQ(nft_all(R"({"op":"in","left":{"ct":{"key":"state"}},)"
                    R"("right":["established","related"]})"),
            "0-65535;");
  EXPECT_EQ(nft_all(R"({"op":"in","left":{"ct":{"key":"state"}},)"
                    R"("right":["established","untracked"]})"),
            "");
}

TEST_F(PacketsTest, NftPorts) {
  const std::string dport =
      R"({"match":{"op":"==","left":{"payload":{"protocol":"tcp",)"
      R"("field":"dport"}},"right":)";
  const std::string redirect = R"(,{"redirect":{"port":8080}})";
  const auto to = [&](const std::string &right) {
    return arrows(nft_rule(dport + right + "}}" + redirect));
  };
  EXPECT_THAT(to("80"), ElementsAre("80>8080"));
  EXPECT_THAT(to("\"https\""), ElementsAre("443>8080"));
  EXPECT_THAT(to(R"({"set":[80,{"range":[443,445]},{"elem":{"val":90}}]})"),
              ElementsAre("80,90,443-445>8080"));
  EXPECT_THAT(to("\"@nosuch\""), IsEmpty());
  const PacketFates bad = nft_rule(dport + "65536}}" + redirect);
  EXPECT_THAT(bad.warnings, SizeIs(1));
  // As it is not known which.
  for (const PacketRedirect &one : bad.redirects)
    EXPECT_TRUE(one.packets.limited());
}

TEST_F(PacketsTest, NftMaps) {
  const std::string key =
      R"({"key":{"payload":{"protocol":"tcp","field":"dport"}},"data":)";
  EXPECT_THAT(arrows(nft_rule(R"({"redirect":{"port":{"map":)" + key +
                              R"({"set":[[22,2222],[23,2323]]}}}}})")),
              ElementsAre("22>2222", "23>2323"));
  EXPECT_THAT(
      arrows(nft_rule(R"({"redirect":{"port":{"map":)" + key + R"("@m"}}}})")),
      ElementsAre("25>2525"));
  EXPECT_THAT(
      arrows(nft_rule(R"({"dnat":{"addr":{"map":)" + key +
                      R"({"set":[[81,{"concat":["127.0.0.1",8081]}]]}}}}})")),
      ElementsAre("81>127.0.0.1:8081"));
  EXPECT_EQ(nft_rule(R"({"redirect":{"port":{"map":)" + key +
                     R"({"set":[[22,2222]]}}}}})")
                .redirects.at(0)
                .remove,
            "nft delete rule ip n p handle 7");
}

TEST_F(PacketsTest, NftConditions) {
  const std::string rest = R"({"redirect":{"port":81}})";
  EXPECT_THAT(
      arrows(nft_rule(
          R"({"match":{"op":"==","left":{"meta":{"key":"iifname"}},)"
          R"("right":"eth0"}},{"match":{"op":"==","left":{"payload":)"
          R"({"protocol":"ip","field":"daddr"}},"right":{"prefix":)"
          R"({"addr":"192.0.2.0","len":24}}}},{"match":{"op":"==","left":)"
          R"({"payload":{"protocol":"tcp","field":"dport"}},"right":80}},)" +
          rest)),
      ElementsAre("80>81 (iifname eth0) on 192.0.2.0/24"));
  EXPECT_THAT(arrows(nft_rule(R"({"xt":{"type":"match","name":"owner"}},)"
                              R"({"match":{"op":"==","left":{"payload":)"
                              R"({"protocol":"udp","field":"dport"}},)"
                              R"("right":80}},)" +
                              rest)),
              ElementsAre("80>81 (that iptables' owner is for)"));
}

TEST_F(PacketsTest, NftLocalAddresses) {
  const auto limits = [this](const std::string &flags) {
    return nft_rule(R"({"match":{"op":"==","left":{"fib":{"result":"type",)"
                    R"("flags":)" +
                    flags + R"(}},"right":"local"}},{"redirect":{"port":81}})")
        .redirects.at(0)
        .packets.limits;
  };
  EXPECT_THAT(limits(R"(["daddr"])"), IsEmpty());
  EXPECT_THAT(limits(R"("daddr")"), IsEmpty());
  EXPECT_THAT(limits(R"(["saddr"])"), SizeIs(1));
  EXPECT_THAT(limits(R"(["daddr","iif"])"), SizeIs(1));
}

// A handle that is saved may be that of another rule.
TEST_F(PacketsTest, NftHandlesOfFiles) {
  Names names(root_.path());
  PacketTables tables;
  ASSERT_TRUE(read_nftables(
      R"({"nftables":[{"table":{"family":"ip","name":"n"}},{"chain":)"
      R"({"family":"ip","table":"n","name":"p","type":"nat","hook":)"
      R"("prerouting","prio":-100}},{"rule":{"family":"ip","table":"n",)"
      R"("chain":"p","handle":7,"expr":[{"redirect":{"port":81}}]}}]})",
      "saved.json", {}, names, tables));
  const PacketFates fates = packet_fates(tables);
  EXPECT_EQ(fates.redirects.at(0).remove, "");
  EXPECT_EQ(fates.redirects.at(0).place, "saved.json: nft ip n p handle 7");
}

TEST_F(PacketsTest, NftIsNotEverything) {
  Names names(root_.path());
  PacketTables tables;
  for (const char *text :
       {"", "{", "[]", "{}", "{\"nftables\":{}}", "{\"nftables\":7}"})
    EXPECT_FALSE(read_nftables(text, "f", {}, names, tables)) << text;
  std::string deep(100000, '[');
  EXPECT_FALSE(read_nftables(deep, "f", {}, names, tables));
  deep = "{\"nftables\":[{\"table\":{\"family\":\"ip\",\"name\":\"n\"}},"
         "{\"chain\":{\"family\":\"ip\",\"table\":\"n\",\"name\":\"p\"}},"
         "{\"rule\":{\"family\":\"ip\",\"table\":\"n\",\"chain\":\"p\","
         "\"handle\":" +
         std::string(2000000, '[') + std::string(2000000, ']') + "}}]}";
  EXPECT_FALSE(read_nftables(deep, "f", {}, names, tables));
  for (const char *text :
       {"{\"nftables\":[1,null,{\"rule\":3},{\"table\":[]},{\"rule\":{}}]}",
        "{\"nftables\":[{\"table\":{\"family\":\"ip\",\"name\":5}},{\"chain\":"
        "{\"family\":\"ip\",\"table\":5}},{\"rule\":{\"family\":\"ip\","
        "\"expr\":[{\"vmap\":null},{\"match\":7},{\"redirect\":{\"port\":{}}}"
        "]}}]}"})
    EXPECT_TRUE(read_nftables(text, "f", {}, names, tables)) << text;
}

TEST_F(PacketsTest, Firewalld) {
  const auto tables = firewalld(
      "<?xml version=\"1.0\"?><zone><service name=\"ssh\"/>"
      "<forward-port port=\"80-81\" protocol=\"tcp\" to-port=\"8080\"/>"
      "<rule family=\"ipv4\"><source address=\"192.0.2.0/24\"/><forward-port "
      "port=\"22\" protocol=\"tcp\" to-port=\"2222\"/></rule>"
      "<forward-port port=\"99999\" protocol=\"tcp\" to-port=\"1\"/></zone>",
      "/etc/firewalld/zones/my zone.xml");
  ASSERT_TRUE(tables);
  const PacketFates fates = packet_fates(*tables);
  EXPECT_THAT(fates.warnings, SizeIs(1));
  ASSERT_THAT(fates.redirects, SizeIs(3)); // the first for both families
  EXPECT_EQ(arrows(fates)[0], "80-81>8080 (of zone my zone)");
  EXPECT_EQ(fates.redirects[0].remove,
            "firewall-cmd --permanent '--zone=my zone' "
            "--remove-forward-port=port=80-81:proto=tcp:toport=8080\n"
            "firewall-cmd --reload");
  EXPECT_EQ(arrows(fates)[2], "22>2222 (of zone my zone; from 192.0.2.0/24)");
  EXPECT_THAT(fates.redirects[2].remove,
              HasSubstr("'--remove-rich-rule=rule family=\"ipv4\" source "
                        "address=\"192.0.2.0/24\" forward-port port=\"22\" "
                        "protocol=\"tcp\" to-port=\"2222\"'"));
}

TEST_F(PacketsTest, FirewalldDirect) {
  const auto tables = firewalld(
      "<direct><rule ipv=\"ipv4\" table=\"nat\" chain=\"PREROUTING\" "
      "priority=\"0\">-p tcp --dport 80 -j REDIRECT --to-ports 8080</rule>"
      "<rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"0\">-p "
      "tcp --dport 81 -j DROP</rule>"
      "<passthrough ipv=\"ipv6\">-t nat -I PREROUTING 1 -p udp --dport 53 -j "
      "REDIRECT --to-ports 5353</passthrough></direct>",
      "direct.xml");
  ASSERT_TRUE(tables);
  const PacketFates fates = packet_fates(*tables);
  EXPECT_THAT(arrows(fates), ElementsAre("80>8080", "53>5353"));
  EXPECT_THAT(fates.redirects[0].remove,
              HasSubstr("--direct --remove-rule ipv4 nat PREROUTING 0 -p tcp "
                        "--dport 80 -j REDIRECT --to-ports 8080\n"));
  EXPECT_THAT(fates.redirects[1].remove,
              HasSubstr("--remove-passthrough ipv6 -t nat -I PREROUTING 1 -p"));
}

TEST_F(PacketsTest, FirewalldFamilies) {
  const auto families = [this](const char *address) {
    const auto tables = firewalld(
        fmt::format("<zone><forward-port port=\"80\" protocol=\"tcp\" "
                    "to-port=\"8080\" to-addr=\"{}\"/></zone>",
                    address),
        "z.xml");
    unsigned all = 0;
    for (const PacketRedirect &redirect : packet_fates(*tables).redirects)
      all |= redirect.packets.families;
    return all;
  };
  EXPECT_EQ(families(""), family_ip4 | family_ip6);
  EXPECT_EQ(families("127.0.0.1"), family_ip4);
  EXPECT_EQ(families("::1"), family_ip6);
}

TEST_F(PacketsTest, FirewalldDirectOddities) {
  const auto tables = firewalld(
      "<direct><rule ipv=\"ipv4\" table=\"nat\" chain=\"PREROUTING\" "
      "priority=\"0\">\n  -p tcp --dport 80\r\n  -j REDIRECT --to-ports "
      "8080\n</rule><rule ipv=\"ipv4\" table=\"nat\" chain=\"mine\" "
      "priority=\"0\">-p tcp --dport 81 -j REDIRECT --to-ports 8081</rule>"
      "<passthrough ipv=\"ipv4\">-t nat -A mine -p tcp --dport 82 -j REDIRECT "
      "--to-ports 8082</passthrough></direct>",
      "direct.xml");
  ASSERT_TRUE(tables);
  const PacketFates fates = packet_fates(*tables);
  EXPECT_THAT(arrows(fates), ElementsAre("80>8080"));
  EXPECT_THAT(fates.redirects[0].place, Not(HasSubstr("\n")));
  ASSERT_THAT(fates.warnings, SizeIs(2));
  EXPECT_THAT(fates.warnings[0].message,
              HasSubstr("rule nat mine -p tcp --dport 81"));
}

TEST_F(PacketsTest, FirewalldIsNotEverything) {
  const auto broken = firewalld("<zone>\n<forward-port", "z.xml");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().line, 2U);
  EXPECT_FALSE(firewalld("<service/>", "s.xml"));
  // No entity becomes the content of a file.
  const auto entity = firewalld(
      "<!DOCTYPE zone [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><zone>"
      "<forward-port port=\"&x;\" protocol=\"tcp\" to-port=\"8080\"/></zone>",
      "z.xml");
  ASSERT_TRUE(entity);
  EXPECT_THAT(packet_fates(*entity).redirects, IsEmpty());
}

TEST_F(PacketsTest, ShellWords) {
  EXPECT_EQ(shell_words({"a", "b c", "", "it's", "-D", "x;y"}),
            "a 'b c' '' 'it'\\''s' -D 'x;y'");
}

} // namespace
} // namespace portacl
