//! A machine that is off line is named before a pool is: the program in network namespaces of its own.
//!
//! Needs `unshare` and `ip`, and the right to make a namespace; without them it says so and is skipped,
//! except in CI.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod support;

use std::process::Output;

use support::{IMSH, bare, cable, namespace};

/// A network, what the topology says, and what must be found.
struct Case {
    /// What is done in the namespace before, as a shell does it.
    network: String,
    /// The pool's servers.
    servers: &'static str,
    /// The name server to ask.
    name_server: &'static str,
    code: &'static str,
    owner: &'static str,
    /// What the diagnosis must say.
    says: &'static str,
}

/// A router that takes everything and brings nothing back.
const ROUTER: &str = "ip neigh add 192.0.2.254 lladdr 02:00:00:00:00:01 dev v0; \
                      ip route add default via 192.0.2.254; ";

/// A name server that answers, on this machine: that of a practice network beside.
const NAME_SERVER: &str = "TMPDIR=$GROUND $IMSH --lab -c 'loop {}' >/dev/null 2>&1 & lab=$!; trap 'kill $lab' EXIT; \
                           until grep -q name_servers $GROUND/imsh-lab-*/topology.toml; do sleep 0.1; done; \
                           sed -i \"s/^name_servers.*/$(grep name_servers $GROUND/imsh-lab-*/topology.toml)/\" \
                           $GROUND/topology.toml; ";

#[test]
fn a_machine_that_is_off_line_is_named_before_the_pool() {
    let cable = cable("192.0.2.1/24");
    let Some(unshare) = namespace("--net", &cable) else { return };
    let far = "198.51.100.10";
    let cases = [
        Case {
            network: "".into(),
            servers: "",
            name_server: "198.51.100.53",
            code: "OFFLINE",
            owner: "Caller",
            says: "no network interface of this machine is up",
        },
        Case {
            network: "ip link set lo up".into(),
            servers: far,
            name_server: "198.51.100.53",
            code: "OFFLINE",
            owner: "Caller",
            says: "no network interface of this machine is up",
        },
        Case {
            network: cable.clone(),
            servers: far,
            name_server: "198.51.100.53",
            code: "OFFLINE",
            owner: "Caller",
            says: "no route to the rest of the network",
        },
        Case {
            network: [&cable, ROUTER].concat(),
            servers: far,
            name_server: "198.51.100.53",
            code: "OFFLINE",
            owner: "Caller",
            says: "no name server answers this machine either",
        },
        // Somebody answers, and it is the pool that does not.
        Case {
            network: [&cable, ROUTER, NAME_SERVER].concat(),
            servers: far,
            name_server: "127.0.0.1",
            code: "CONNECT-TIMEOUT",
            owner: "Network",
            says: "no answer from atl-cs-001.litwareinc.com",
        },
        // The pool is this machine: no network is needed.
        Case {
            network: "ip link set lo up".into(),
            servers: "127.0.0.1",
            name_server: "198.51.100.53",
            code: "CONNECT-REFUSED",
            owner: "Pool",
            says: "nobody listens",
        },
    ];
    for case in cases {
        let output = case.run(&unshare, TEST);
        let said = String::from_utf8_lossy(&output.stdout);
        let result: serde_json::Value = serde_json::from_str(&said).unwrap_or_else(|_| {
            panic!("{}: {said}{}", case.network, String::from_utf8_lossy(&output.stderr))
        });
        let result = &result[0];
        let diagnosis = result["Diagnosis"].as_str().unwrap_or_default();
        assert_eq!(
            (&result["Code"], &result["Owner"]),
            (&case.code.into(), &case.owner.into()),
            "{diagnosis}"
        );
        assert!(diagnosis.contains(case.says), "{diagnosis}");
        // A look at a partner meets the same, and calls it the same; a silent resolver alone proves nothing.
        if case.code == "OFFLINE" && !case.says.contains("no name server answers") {
            let output = case.run(&unshare, "Test-Topology -Partner contoso.com");
            let said = String::from_utf8_lossy(&output.stdout);
            let partner: serde_json::Value = serde_json::from_str(&said).unwrap();
            let diagnosis = partner[0]["Diagnosis"].as_str().unwrap_or_default();
            assert_eq!(partner[0]["Code"], "OFFLINE", "{diagnosis}");
            assert!(diagnosis.contains(case.says) && diagnosis.contains("contoso.com"), "{diagnosis}");
        }
    }
}

const TEST: &str = "let c = Get-Credential kenmyer@litwareinc.com -FromEnvironment PASSWORD; \
                    Test-XmppIM atl-cs-001.litwareinc.com adelany@contoso.com -UserCredential $c";

/// "Is it me?" is asked before anybody is blamed, and answered once for a whole batch.
#[test]
fn a_machine_that_is_off_line_has_one_finding_for_a_whole_batch() {
    let Some(unshare) = namespace("--net", "ip link set lo up") else { return };
    let case = Case {
        network: "ip link set lo up".into(),
        servers: "198.51.100.10",
        name_server: "198.51.100.53",
        code: "OFFLINE",
        owner: "Caller",
        says: "no network interface of this machine is up",
    };
    let receivers: Vec<String> = (0..200).map(|n| format!("r{n}@partner-{}.example", n % 50)).collect();
    let code = TEST.replace("adelany@contoso.com", &receivers.join(","));
    let output = case.run(&unshare, &code);
    let results: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results.len(), 200);
    for result in &results {
        assert_eq!(
            (&result["Code"], &result["Owner"]),
            (&case.code.into(), &case.owner.into()),
            "{result:#?}"
        );
        assert!(result["Diagnosis"].as_str().unwrap_or_default().contains(case.says), "{result:#?}");
    }
    let n_tried = results.iter().filter(|result| result["Inferred"] == false).count();
    assert!((1..40).contains(&n_tried), "{n_tried} were tried");
}

impl Case {
    fn run(&self, unshare: &[&str], code: &str) -> Output {
        let ground = tempfile::tempdir().unwrap();
        let servers =
            if self.servers.is_empty() { "[]".to_owned() } else { format!("[\"{}\"]", self.servers) };
        let topology = format!(
            "[[pool]]\nidentity = \"atl-cs-001.litwareinc.com\"\ndomains = [\"litwareinc.com\"]\nservers = {servers}\n\
             [gateway]\nconnect_timeout = \"1s\"\n[resolver]\nname_servers = [\"{}\"]\n",
            self.name_server
        );
        let path = ground.path().join("topology.toml");
        std::fs::write(&path, topology).unwrap();
        let script = format!(
            "{}\n\"$IMSH\" --topology \"$GROUND/topology.toml\" --output json -c \"$CODE\"",
            self.network
        );
        bare("unshare")
            .args(unshare)
            .args(["sh", "-c", &script])
            .env("IMSH", IMSH)
            .env("GROUND", ground.path())
            .env("CODE", code)
            .env("PASSWORD", "practice")
            .env("HOME", ground.path())
            .output()
            .unwrap()
    }
}
