//! Faults of the machine that runs the test and of the firewalls in front of it, in a network namespace with
//! rules of its own (`faults.table`).

use crate::desk::{Desk, Pool};
use crate::faults::By;
use crate::federation::{Federation, PASSWORD};
use crate::support::skip;
use crate::verdict::{Row, check};

#[test]
fn what_this_machine_and_its_firewalls_do_is_told_apart() {
    let Some(federation) = Federation::get() else { return };
    if !std::path::Path::new("/usr/sbin/nft").exists() {
        skip("nftables is not installed (apt install nftables iproute2)");
        return;
    }
    // On loopback, packets pass the rules for leaving and those for coming in.
    let leaving = "nft add chain inet t c \"{ type filter hook output priority 0; }\"";
    let coming_in = "nft add chain inet t c \"{ type filter hook input priority 0; }\"";
    let firewall = |chain: &str, verdict: &str| {
        format!("nft add table inet t\n{chain}\nnft add rule inet t c tcp dport 5222 {verdict}\n")
    };
    let names =
        |line: &str| format!("echo {line} > resolv.conf\nmount --bind resolv.conf /etc/resolv.conf\n");
    let at = |server: &str| format!("servers = [\"{server}\"]");
    let here = at("127.0.0.1:5222");
    // Nothing leads to these: an address of loopback, which no machine that is off line loses, and one of
    // 192.0.2.0/24, which is nobody's (RFC 5737).
    let no_pool = "ip route add unreachable 127.0.0.2 table local";
    let no_name_server = "ip route add unreachable 192.0.2.53";
    let faults = [
        (firewall(leaving, "drop"), &here, "packets to the pool are dropped by this machine"),
        (firewall(coming_in, "drop"), &here, "a firewall on the way drops packets to the pool"),
        (
            firewall(coming_in, "reject with icmp type host-unreachable"),
            &here,
            "a firewall on the way says that the pool is out of reach",
        ),
        (firewall(coming_in, "reject with tcp reset"), &here, "a firewall on the way refuses for the pool"),
        (no_pool.to_owned(), &at("127.0.0.2:5222"), "this machine has no route to the pool"),
        (
            format!("{no_name_server}\n{}", names("nameserver 192.0.2.53")),
            &String::new(),
            "this machine has no route to its name server",
        ),
        (names(""), &String::new(), "this machine has no name server"),
    ];
    std::thread::scope(|scope| {
        for (n, (lines, setting, fault)) in faults.iter().enumerate() {
            let pool = Pool::named("pool.here.test", "here.test").lending("kenmyer", PASSWORD).with(setting);
            scope.spawn(move || {
                let row = Row::new(By::Peer, &pool.identity, "nobody@tailspin.test", fault);
                let folder = format!("here-{n}");
                let desk = match lines.contains("resolv.conf") {
                    true => Desk::without_name_servers(federation, &folder, &[pool]),
                    false => Desk::set_up(federation, &folder, &[pool], ""),
                };
                check(federation, &desk.behind(lines), &[row]);
            });
        }
    });
}
