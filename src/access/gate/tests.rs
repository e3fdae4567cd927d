//! The gate against the rules, one by one, and against a model that knows them in another form.

use std::fmt::Write as _;

use super::*;

/// Four cmdlets, each with two parameters; the help desk has the first two.
struct Shell;

const CMDLETS: [&str; 4] = ["Test-XmppIM", "Get-Pool", "Set-Pool", "Get-AuditLog"];
const PARAMETERS: [&str; 2] = ["Receiver", "Body"];

impl KnownCmdlets for Shell {
    fn cmdlets_of(&self, role: BuiltIn) -> Vec<CmdletName> {
        let n = match role {
            BuiltIn::Administrator => 4,
            BuiltIn::ServerAdministrator => 3,
            BuiltIn::HelpDesk => 2,
            BuiltIn::UserAdministrator | BuiltIn::ViewOnlyAdministrator => 1,
        };
        CMDLETS[..n].iter().map(|name| name.parse().unwrap()).collect()
    }

    fn parameters_of(&self, cmdlet: &CmdletName) -> Option<Vec<String>> {
        let exists = CMDLETS.iter().any(|name| name.eq_ignore_ascii_case(cmdlet.as_str()));
        exists.then(|| PARAMETERS.map(str::to_owned).to_vec())
    }
}

fn definition(identity: &str, config: &[&str], user: &[&str]) -> RoleDefinition {
    RoleDefinition {
        identity: identity.into(),
        template: BuiltIn::HelpDesk,
        cmdlets: None,
        add_cmdlets: Vec::new(),
        remove_cmdlets: Vec::new(),
        config_scopes: config.iter().map(|scope| scope.parse().unwrap()).collect(),
        user_scopes: user.iter().map(|scope| scope.parse().unwrap()).collect(),
        limits: Vec::new(),
        script_modules: Vec::new(),
        session: super::super::limits::SessionLimits::default(),
        description: None,
    }
}

fn role(identity: &str, config: &[&str], user: &[&str]) -> Role {
    Role::custom(&definition(identity, config, user), &Shell).unwrap()
}

fn limited(parameter: &str, limit: Limit) -> LimitedParameter {
    LimitedParameter { cmdlet: cmdlet("Test-XmppIM"), parameter: parameter.into(), limit }
}

fn cmdlet(name: &str) -> CmdletName {
    name.parse().unwrap()
}

fn pool(identity: &str, site: &str) -> Resource {
    Resource::Pool { identity: identity.parse().unwrap(), site: Some(site.into()) }
}

fn receiver(address: &str) -> Resource {
    Resource::Receiver(address.parse().unwrap())
}

fn tests_of(roles: &[&Role], parameters: &[(&str, &[&str])], resources: &[Vec<Resource>]) -> Decision {
    let parameters: Vec<GivenParameter> = parameters
        .iter()
        .map(|(name, values)| GivenParameter {
            name: (*name).into(),
            values: values.iter().map(|value| (*value).into()).collect(),
        })
        .collect();
    decide(roles, &CallRequest { cmdlet: &cmdlet("Test-CsXmppIM"), parameters: &parameters, resources })
}

fn allowed(by: &[&str]) -> Decision {
    Decision::Allowed { by: by.iter().map(|role| (*role).into()).collect() }
}

#[test]
fn roles_do_not_multiply() {
    let redmond = role("R", &["site:Redmond"], &["domain:contoso.com"]);
    let dublin = role("D", &["site:Dublin"], &["domain:fabrikam.com"]);
    let both = [&redmond, &dublin];
    let pair = |site: &str, to: &str| vec![pool("p.b", site), receiver(to)];
    let own = [pair("Redmond", "a@contoso.com"), pair("dublin", "a@fabrikam.com")];
    assert_eq!(tests_of(&both, &[], &own), allowed(&["R", "D"]));
    let crossed = [pair("Redmond", "a@contoso.com"), pair("Redmond", "a@fabrikam.com")];
    assert_eq!(tests_of(&both, &[], &crossed), Decision::Refused(Denial::Resource { n: 1 }));
}

#[test]
fn a_limit_holds_for_every_value_and_for_a_switch() {
    let mut narrow = role("N", &["global"], &["global"]);
    narrow.limits = vec![
        limited("Receiver", Limit::Pattern(r".*@contoso\.com".parse().unwrap())),
        limited("Body", Limit::Values(Vec::new())),
    ];
    let refused = Decision::Refused(Denial::Parameters);
    for (parameter, values, wanted) in [
        ("receiver", vec!["a@contoso.com"], allowed(&["N"])),
        ("Receiver", vec!["a@contoso.com", "a@evil.example"], refused.clone()),
        ("Receiver", vec![], refused.clone()),
        ("Body", vec!["x"], refused.clone()),
        ("Body", vec![], refused.clone()),
        ("Timeout", vec!["60s"], allowed(&["N"])),
    ] {
        assert_eq!(tests_of(&[&narrow], &[(parameter, &values)], &[]), wanted, "{parameter} {values:?}");
    }
}

#[test]
fn only_an_administrator_touches_what_is_not_listed() {
    let unlisted = [vec![Resource::Unlisted { what: "pool x.y".into() }]];
    let administrator = Role::built_in(BuiltIn::Administrator, &Shell);
    let wide = role("Wide", &["global"], &["global"]);
    assert_eq!(tests_of(&[&administrator], &[], &unlisted), allowed(&["Administrator"]));
    assert_eq!(tests_of(&[&wide], &[], &unlisted), Decision::Refused(Denial::Resource { n: 0 }));
    let site = role("Site", &["site:Redmond"], &["global"]);
    assert_eq!(
        tests_of(&[&site], &[], &[vec![Resource::Settings]]),
        Decision::Refused(Denial::Resource { n: 0 })
    );
    let domain = role("Domain", &["global"], &["domain:contoso.com"]);
    for (one, is_allowed) in [(&wide, true), (&site, false), (&domain, false)] {
        let decided = tests_of(&[one], &[], &[vec![Resource::Everybody]]);
        assert_eq!(matches!(decided, Decision::Allowed { .. }), is_allowed, "{}", one.identity);
    }
    assert_eq!(tests_of(&[], &[], &[]), Decision::Refused(Denial::Cmdlet));
}

#[test]
fn a_role_that_names_what_does_not_exist_keeps_the_gate_shut() {
    let mut wrong = definition("Wrong", &["global"], &["global"]);
    wrong.remove_cmdlets = vec![cmdlet("Test-XmpIM")];
    wrong.limits = vec![limited("Receivr", Limit::Values(Vec::new()))];
    let access = Access { roles: vec![wrong], ..Access::default() };
    let told: Vec<String> =
        RoleTable::new(Some(&access), &Shell).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "the role \"Wrong\" names the cmdlet Test-XmpIM, which does not exist",
            "the role \"Wrong\" limits the parameter Receivr of Test-XmppIM, which does not exist",
        ]
    );
}

#[test]
fn without_a_table_the_local_user_is_administrator_and_with_one_nobody_is() {
    let kim = Principal::OsUser { name: "kim".into(), groups: vec!["im-helpdesk".into()] };
    let vouched = Principal::Vouched { name: "kim".into() };
    let names = |gate: &RoleTable, who: &Principal| -> Vec<String> {
        gate.roles_of(who).iter().map(|role| role.identity.clone()).collect()
    };
    let open = RoleTable::new(None, &Shell).unwrap();
    assert_eq!(names(&open, &kim), ["Administrator"]);
    assert!(names(&open, &vouched).is_empty());
    let mut access = Access::default();
    assert!(names(&RoleTable::new(Some(&access), &Shell).unwrap(), &kim).is_empty());
    for (role, member) in
        [("CsHelpDesk", "os-group:im-helpdesk"), ("helpdesk", "os-user:kim"), ("Custom", "principal:kim")]
    {
        access
            .assignments
            .push(super::super::RoleAssignment { role: role.into(), members: vec![member.parse().unwrap()] });
    }
    access.roles.push(definition("custom", &["global"], &["global"]));
    let gate = RoleTable::new(Some(&access), &Shell).unwrap();
    assert_eq!(names(&gate, &kim), ["HelpDesk"]);
    assert_eq!(names(&gate, &vouched), ["custom"]);
}

#[test]
fn nobody_grants_more_than_they_hold() {
    let sites = |pool: &Domain| (pool.as_str() == "p.b").then(|| "Redmond".to_owned());
    let holds = |granter: &[&Role], wanted: &Role| covers(granter, wanted, &sites);
    let administrator = Role::built_in(BuiltIn::Administrator, &Shell);
    let redmond = role("R", &["site:Redmond"], &["domain:contoso.com"]);
    let dublin = role("D", &["site:Dublin"], &["global"]);
    for (config, user, wanted) in [
        (&["site:redmond"] as &[&str], &["domain:contoso.com"] as &[&str], true),
        (&["pool:p.b"], &["user:a@contoso.com"], true),
        (&["pool:q.b"], &["user:a@contoso.com"], false),
        (&["global"], &["domain:contoso.com"], false),
        (&["site:Redmond"], &["domain:fabrikam.com"], false),
        (&["site:Redmond", "site:Dublin"], &["domain:contoso.com"], false),
        (&[], &[], true),
    ] {
        assert_eq!(holds(&[&redmond, &dublin], &role("X", config, user)), wanted, "{config:?} {user:?}");
    }
    assert!(holds(&[&administrator], &administrator) && !holds(&[&redmond], &administrator));
    let mut more = redmond.clone();
    more.cmdlets.insert(cmdlet("Set-Pool"));
    assert!(!holds(&[&redmond], &more));
    let mut scripts = redmond.clone();
    scripts.script_modules = vec!["reset.rhai".parse().unwrap()];
    assert!(!holds(&[&redmond], &scripts) && holds(&[&scripts], &scripts));
    let mut function = redmond.clone();
    function.script_modules = vec!["reset.rhai:all".parse().unwrap()];
    assert!(holds(&[&scripts], &function) && !holds(&[&function], &scripts));
}

#[test]
fn nobody_grants_looser_limits() {
    let with = |limit: Option<Limit>| {
        let mut role = role("L", &["global"], &["global"]);
        role.limits = limit.into_iter().map(|limit| limited("Body", limit)).collect();
        role
    };
    let values = |values: &[&str]| Some(Limit::Values(values.iter().map(|v| (*v).into()).collect()));
    let pattern = |written: &str| Some(Limit::Pattern(written.parse().unwrap()));
    for (inner, outer, wanted) in [
        (values(&["a"]), values(&["A", "b"]), true),
        (values(&["a", "c"]), values(&["a", "b"]), false),
        (None, values(&["a"]), false),
        (values(&["a"]), None, true),
        (pattern("a+"), pattern("a+"), true),
        (pattern("a+"), pattern("a*"), false),
        (values(&["5222"]), pattern("[0-9]+"), true),
        (values(&["a"]), pattern("a"), false),
        (pattern("a"), values(&["a"]), false),
        (values(&[]), pattern("a"), true),
    ] {
        let told = format!("{inner:?} within {outer:?}");
        assert_eq!(covers(&[&with(outer)], &with(inner), &|_| None), wanted, "{told}");
    }
}

// ---- The model: the same rules, written as sets of everything there is.

const POOLS: [(&str, &str); 3] = [("p1.a", "Redmond"), ("p2.a", "Redmond"), ("p3.b", "Dublin")];
const USERS: [&str; 4] = ["u@x.com", "v@x.com", "u@y.com", "u@sub.x.com"];
const DOMAINS: [&str; 3] = ["x.com", "y.com", "sub.x.com"];
const VALUES: [&str; 4] = ["one", "two", "three", "onetwo"];

/// A role of the model: which of everything it allows, by number, as bits.
#[derive(Clone, Debug, Default)]
struct Modelled {
    cmdlets: u8,
    pools: u8,
    is_global: bool,
    is_for_everybody: bool,
    users: u8,
    domains: u8,
    is_administrator: bool,
    /// Of each cmdlet, of each parameter, the values that are allowed; `None`: not limited.
    values: [[Option<u8>; 2]; 4],
}

/// One thing of the model: its parts by kind and number.
#[derive(Clone, Copy, Debug)]
enum Part {
    Pool(usize),
    Settings,
    Everybody,
    User(usize),
    Domain(usize),
    Unlisted,
}

/// Says yes only where, for every thing, some role has every bit that is asked for.
fn model(roles: &[Modelled], cmdlet: usize, given: &[(usize, Vec<usize>)], resources: &[Vec<Part>]) -> bool {
    let has = |bits: u8, n: usize| bits >> n & 1 == 1;
    let nothing = [Vec::new()];
    let resources = if resources.is_empty() { &nothing } else { resources };
    for thing in resources {
        let mut covered = false;
        for role in roles {
            let mut ok = has(role.cmdlets, cmdlet);
            for (parameter, values) in given {
                if let Some(allowed) = role.values[cmdlet][*parameter] {
                    ok = ok && !values.is_empty() && values.iter().all(|value| has(allowed, *value));
                }
            }
            for part in thing {
                ok = ok
                    && match part {
                        Part::Pool(n) => has(role.pools, *n),
                        Part::Settings => role.is_global,
                        Part::Everybody => role.is_global && role.is_for_everybody,
                        Part::User(n) => has(role.users, *n),
                        Part::Domain(n) => has(role.domains, *n),
                        Part::Unlisted => role.is_administrator,
                    };
            }
            covered |= ok;
        }
        if !covered {
            return false;
        }
    }
    true
}

/// SplitMix64: a case is its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// Another spelling of the same name.
    fn spelled(&mut self, name: &str) -> String {
        let mut spelled: String =
            name.chars().map(|c| if self.one_in(3) { c.to_ascii_uppercase() } else { c }).collect();
        if self.one_in(4) {
            spelled.push('.');
        }
        spelled
    }

    fn spelled_address(&mut self, address: &str) -> String {
        let scheme = ["", "sip:", "XMPP:"][self.below(3)];
        format!("{scheme}{}", self.spelled(address))
    }

    fn cmdlet(&mut self, n: usize) -> String {
        let (verb, noun) = CMDLETS[n].split_once('-').unwrap();
        match self.below(3) {
            0 => format!("{verb}-Cs{noun}"),
            1 => CMDLETS[n].to_ascii_uppercase(),
            _ => CMDLETS[n].to_owned(),
        }
    }
}

/// A random role in both forms.
fn any_role(dice: &mut Dice, patterns: &[(Limit, u8)]) -> (Role, Modelled) {
    if dice.one_in(12) {
        let built_in = BuiltIn::ALL[dice.below(5)];
        let n = Shell.cmdlets_of(built_in).len();
        let modelled = Modelled {
            cmdlets: (1 << n) - 1,
            pools: 7,
            is_global: true,
            is_for_everybody: true,
            users: 15,
            domains: 7,
            is_administrator: built_in == BuiltIn::Administrator,
            values: Default::default(),
        };
        return (Role::built_in(built_in, &Shell), modelled);
    }
    let mut modelled = Modelled::default();
    let mut definition = definition(&format!("role {}", dice.below(1000)), &[], &[]);
    definition.cmdlets = Some(Vec::new());
    for n in 0..CMDLETS.len() {
        let (is_listed, is_added, is_removed) = (!dice.one_in(3), dice.one_in(4), dice.one_in(6));
        if is_listed {
            definition.cmdlets.as_mut().unwrap().push(dice.cmdlet(n).parse().unwrap());
        }
        if is_added {
            definition.add_cmdlets.push(dice.cmdlet(n).parse().unwrap());
        }
        if is_removed {
            definition.remove_cmdlets.push(dice.cmdlet(n).parse().unwrap());
        }
        modelled.cmdlets |= u8::from((is_listed || is_added) && !is_removed) << n;
    }
    for _ in 0..dice.below(3) {
        let (scope, pools) = match dice.below(4) {
            0 => ("GLOBAL".to_owned(), 7),
            1 => (["site:redmond", "Site: REDMOND "][dice.below(2)].to_owned(), 3),
            2 => ("site:Dublin".to_owned(), 4),
            _ => {
                let n = dice.below(3);
                (format!("pool:{}", dice.spelled(POOLS[n].0)), 1 << n)
            }
        };
        definition.config_scopes.push(scope.parse().unwrap());
        modelled.pools |= pools;
        modelled.is_global |= scope == "GLOBAL";
    }
    for _ in 0..dice.below(3) {
        let n = dice.below(8);
        let (scope, users, domains) = match n {
            0 => ("global".to_owned(), 15, 7),
            1..4 => {
                let users = [0b0011, 0b0100, 0b1000][n - 1];
                (format!("domain:{}", dice.spelled(DOMAINS[n - 1])), users, 1 << (n - 1))
            }
            _ => (format!("user:{}", dice.spelled_address(USERS[n - 4])), 1 << (n - 4), 0),
        };
        definition.user_scopes.push(scope.parse().unwrap());
        modelled.users |= users;
        modelled.is_for_everybody |= n == 0;
        modelled.domains |= domains;
    }
    for _ in 0..dice.below(3) {
        let (cmdlet, parameter) = (dice.below(4), dice.below(2));
        let (limit, values) = &patterns[dice.below(patterns.len())];
        definition.limits.push(LimitedParameter {
            cmdlet: dice.cmdlet(cmdlet).parse().unwrap(),
            parameter: PARAMETERS[parameter].to_ascii_lowercase(),
            limit: limit.clone(),
        });
        let allowed = &mut modelled.values[cmdlet][parameter];
        *allowed = Some(allowed.unwrap_or(15) & values);
    }
    (Role::custom(&definition, &Shell).unwrap(), modelled)
}

fn any_part(dice: &mut Dice) -> (Resource, Part) {
    match dice.below(13) {
        12 => (Resource::Everybody, Part::Everybody),
        0 => (Resource::Settings, Part::Settings),
        1 => (Resource::Unlisted { what: "a pool".into() }, Part::Unlisted),
        2..6 => {
            let n = dice.below(3);
            let identity = dice.spelled(POOLS[n].0).parse().unwrap();
            (Resource::Pool { identity, site: Some(POOLS[n].1.to_owned()) }, Part::Pool(n))
        }
        6 => {
            let n = dice.below(3);
            (Resource::Partner(dice.spelled(DOMAINS[n]).parse().unwrap()), Part::Domain(n))
        }
        kind => {
            let n = dice.below(4);
            let account = dice.spelled_address(USERS[n]).parse().unwrap();
            (if kind < 10 { Resource::Receiver(account) } else { Resource::Sender(account) }, Part::User(n))
        }
    }
}

/// Runs one case; says whether the call was allowed.
fn one_case(seed: u64, limits: &[(Limit, u8)]) -> bool {
    let mut dice = Dice(seed);
    let dice = &mut dice;
    let (roles, modelled): (Vec<Role>, Vec<Modelled>) =
        (0..dice.below(4)).map(|_| any_role(dice, limits)).unzip();
    let n = dice.below(4);
    let cmdlet: CmdletName = dice.cmdlet(n).parse().unwrap();
    let given: Vec<(usize, Vec<usize>)> = (0..dice.below(3))
        .map(|_| (dice.below(2), (0..dice.below(3)).map(|_| dice.below(4)).collect()))
        .collect();
    let parameters: Vec<GivenParameter> = given
        .iter()
        .map(|(parameter, values)| GivenParameter {
            name: PARAMETERS[*parameter].to_ascii_uppercase(),
            values: values.iter().map(|value| VALUES[*value].to_owned()).collect(),
        })
        .collect();
    let (resources, parts): (Vec<Vec<Resource>>, Vec<Vec<Part>>) = (0..dice.below(4))
        .map(|_| (0..1 + dice.below(3)).map(|_| any_part(dice)).unzip::<_, _, Vec<_>, Vec<_>>())
        .unzip();
    let held: Vec<&Role> = roles.iter().collect();
    let decision =
        decide(&held, &CallRequest { cmdlet: &cmdlet, parameters: &parameters, resources: &resources });
    let is_allowed = matches!(decision, Decision::Allowed { .. });
    if is_allowed != model(&modelled, n, &given, &parts) {
        let mut told =
            format!("seed {seed}: the gate says {decision:?} to {cmdlet} {parameters:?} {resources:?}");
        for (role, modelled) in roles.iter().zip(&modelled) {
            let _ = write!(told, "\n{role:?}\n{modelled:?}");
        }
        panic!("{told}");
    }
    assert!(may_run_at_all(&held, &cmdlet) || !is_allowed, "seed {seed}");
    // Nobody climbs: what a covered role allows, its granter's roles allow as well.
    if let Some((role, granter)) = held.split_first()
        && covers(granter, role, &|pool| {
            POOLS.iter().find(|(name, _)| pool == name).map(|(_, site)| (*site).to_owned())
        })
    {
        let call = CallRequest { cmdlet: &cmdlet, parameters: &parameters, resources: &resources };
        let climbs = matches!(decide(&[role], &call), Decision::Allowed { .. })
            && matches!(decide(granter, &call), Decision::Refused(_));
        assert!(!climbs, "seed {seed}: {role:?} allows more than {granter:?}");
    }
    is_allowed
}

/// `IMSH_GATE_CASES` says how many; a million take about a minute without optimisation.
#[test]
fn the_gate_and_the_model_never_disagree() {
    let n_cases = std::env::var("IMSH_GATE_CASES").map_or(20_000, |n| n.parse().unwrap());
    let pattern = |written: &str| Limit::Pattern(written.parse().unwrap());
    let values = |values: &[&str]| Limit::Values(values.iter().map(|value| (*value).into()).collect());
    let limits = [
        (pattern("one|two"), 0b0011),
        (pattern("one.*"), 0b1001),
        (pattern("[a-z]*"), 0b1111),
        (pattern(""), 0),
        (values(&["ONE", "three"]), 0b0101),
        (values(&[]), 0),
    ];
    let n_allowed = (0..n_cases).filter(|seed| one_case(*seed, &limits)).count();
    assert!(
        n_allowed * 50 > usize::try_from(n_cases).unwrap(),
        "{n_allowed} of {n_cases} allowed proves little"
    );
}
