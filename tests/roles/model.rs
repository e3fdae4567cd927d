//! The gate against a model: random roles, random callers, random calls in random spellings.
//!
//! The model knows the rules as tables over a small world, and reads no name: a call is made of things
//! by their numbers first, and spelled out for the gate afterwards. What it is held against is all that
//! stands before a cmdlet: names, binding, what a call touches, the decision.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use imsh::internals::access::Principal;
use imsh::internals::address::Address;
use imsh::internals::call::{BoundArguments, Lenders};
use imsh::internals::cmdlet::{Argument, Arguments, Catalogue, Description};
use imsh::internals::cmdlets::ALL;
use imsh::internals::host::{Gate, bind};
use imsh::internals::secret::{Credential, Secret};
use imsh::internals::topology::Topology;
use imsh::internals::value::{Record, Value};

// ---- The world: everything that there is, by number, with every spelling of it.

const TOPOLOGY: &str = r#"
[[pool]]
identity = "atl-1.litware.com"
site = "Redmond"
domains = ["litware.com"]
aliases = ["atl.litware.com"]
servers = ["10.0.0.1:5222", "srv1.litware.com"]
test_users = ["sip:ann@litware.com", "sip:both@litware.com"]

[[pool]]
identity = "dub.fabrikam.com"
site = "Dublin"
domains = ["fabrikam.com", "litware.com"]
servers = ["10.0.0.2", "shared.example.net"]
registrar_port = 5333
test_users = ["sip:kim@fabrikam.com", "sip:both@litware.com"]

[[pool]]
identity = "bücher.example"
site = "Redmond"
domains = ["bücher.example"]
servers = ["[2001:db8::1]:5223", "shared.example.net"]

[[partner]]
domain = "contoso.com"
additional_domains = ["chat.contoso.com"]

[[partner]]
domain = "münchen.example"

"#;

const N_POOLS: usize = 3;
/// The last two stand for every pool of a site, and for all there are.
const POOLS: [&[&str]; N_POOLS] = [
    &["atl-1.litware.com", "atl.litware.com", "10.0.0.1", "10.0.0.1:5222", "srv1.litware.com"],
    &["dub.fabrikam.com", "10.0.0.2", "10.0.0.2:5333"],
    &["bücher.example", "xn--bcher-kva.example", "[2001:db8::1]", "[2001:db8:0:0::1]:5223"],
];
/// Names that mean no pool: unknown, of two pools, of another port, of a pool's own name with a port.
const NO_POOLS: &[&str] = &[
    "nope.example",
    "10.9.9.9",
    "shared.example.net",
    "10.0.0.1:5223",
    "dub.fabrikam.com:5333",
    "sub.atl-1.litware.com",
    "tl-1.litware.com",
    "fabrikam.com",
];
const IN_REDMOND: u8 = 0b101;
const IN_DUBLIN: u8 = 0b010;

const N_USERS: usize = 8;
/// Addresses, each with the number of its domain.
const USERS: [(&str, usize); N_USERS] = [
    ("x@contoso.com", 0),
    ("y@chat.contoso.com", 1),
    ("m@münchen.example", 2),
    ("ann@litware.com", 3),
    ("both@litware.com", 3),
    ("kim@fabrikam.com", 4),
    ("z@sub.contoso.com", 5),
    ("q@evil.example", 6),
];
const N_DOMAINS: usize = 7;
const DOMAINS: [&[&str]; N_DOMAINS] = [
    &["contoso.com"],
    &["chat.contoso.com"],
    &["münchen.example", "xn--mnchen-3ya.example"],
    &["litware.com"],
    &["fabrikam.com"],
    &["sub.contoso.com"],
    &["evil.example"],
];
/// Served by a pool or listed with a partner: the others are an administrator's alone.
const LISTED_DOMAINS: u8 = 0b00_11111;
/// Listed with a partner; and with which others together.
const PARTNERS: [Option<&[usize]>; N_DOMAINS] =
    [Some(&[0, 1]), Some(&[0, 1]), Some(&[2]), None, None, None, None];
/// The pools that lend an account.
const LENDERS: [u8; N_USERS] = [0, 0, 0, 0b001, 0b011, 0b010, 0, 0];

const BODIES: [&str; 4] = ["one", "two", "three", "onetwo"];

/// Scopes for pools: how they may be written, and the pools that they reach.
const CONFIG: [(&[&str], u8); 6] = [
    (&["global", "Global", " GLOBAL"], 0b111),
    (&["site:Redmond", "site:redmond", "Site: REDMOND "], IN_REDMOND),
    (&["site:Dublin"], IN_DUBLIN),
    (&["pool:atl-1.litware.com", "pool:ATL-1.litware.com."], 0b001),
    (&["pool:dub.fabrikam.com"], 0b010),
    (&["pool:bücher.example", "pool:xn--bcher-kva.example"], 0b100),
];
/// Within which of them each of them lies.
const CONFIG_WITHIN: [&[usize]; 6] = [&[0], &[0, 1], &[0, 2], &[0, 1, 3], &[0, 2, 4], &[0, 1, 5]];

/// Scopes for users: how they may be written, the accounts that they reach, and the domains.
const USER: [(&[&str], u8, u8); 8] = [
    (&["global"], 0xff, 0x7f),
    (&["domain:contoso.com", "domain:CONTOSO.com."], 0b0000_0001, 0b0000001),
    (&["domain:chat.contoso.com"], 0b0000_0010, 0b0000010),
    (&["domain:münchen.example", "domain:xn--mnchen-3ya.example"], 0b0000_0100, 0b0000100),
    (&["domain:litware.com"], 0b0001_1000, 0b0001000),
    (&["user:x@contoso.com", "user:sip:X@contoso.com"], 0b0000_0001, 0),
    (&["user:ann@litware.com", "user:xmpp:ann@LITWARE.com"], 0b0000_1000, 0),
    (&["user:kim@fabrikam.com"], 0b0010_0000, 0),
];
const USER_WITHIN: [&[usize]; 8] =
    [&[0], &[0, 1], &[0, 2], &[0, 3], &[0, 4], &[0, 1, 5], &[0, 4, 6], &[0, 7]];

/// Limits: the parameter of `Test-XmppIM`, what stands in the topology, and the numbers that are allowed.
/// Of a pool or an account the number is the pool's or the account's, however it was spelled.
const LIMITS: [(usize, &str, u16); 9] = [
    (BODY, "values = [\"one\"]", 0b0001),
    (BODY, "values = [\"TWO\", \"One\"]", 0b0011),
    (BODY, "pattern = \"one|two\"", 0b0011),
    (BODY, "pattern = \"[a-z]+\"", 0b1111),
    (BODY, "values = []", 0),
    (TARGET, "values = [\"atl-1.litware.com\"]", 0b001),
    (TARGET, "pattern = '.*\\.fabrikam\\.com'", 0b010),
    (RECEIVER, "pattern = '[^@]+@contoso\\.com'", 0b0000_0001),
    (PORT, "values = []", 0),
];
/// Which of them is no looser than which other. (A value stands for its letter cases, so a pattern is
/// never known to hold for it; two patterns are compared by their text.)
const LIMIT_WITHIN: [&[usize]; 9] = [&[0, 1], &[1], &[2], &[3], &[0, 1, 2, 3, 4], &[5], &[6], &[7], &[8]];
const BODY: usize = 0;
const TARGET: usize = 1;
const RECEIVER: usize = 2;
const PORT: usize = 3;
const LIMITED: [&str; 4] = ["Body", "TargetFqdn", "Receiver", "RegistrarPort"];

/// The cmdlets that the calls are of: every kind of thing that a call can touch.
const CMDLETS: [&str; 21] = [
    "Test-XmppIM",
    "Get-Pool",
    "Set-Pool",
    "Remove-Pool",
    "Get-HealthMonitoringConfiguration",
    "Get-XmppAllowedPartner",
    "Set-XmppAllowedPartner",
    "Remove-XmppAllowedPartner",
    "Get-TestUserCredential",
    "Set-TestUserCredential",
    "Remove-TestUserCredential",
    "Set-XmppGatewayConfiguration",
    "Get-Credential",
    "Out-File",
    "Get-Help",
    "Grant-AdminRole",
    "Revoke-AdminRole",
    "Remove-AdminRole",
    "New-AdminRole",
    "Set-AdminRole",
    "Set-AdminPrincipal",
];

/// Who calls, and which of the members' forms mean them.
type Caller = (fn() -> Principal, &'static [usize]);
const CALLERS: [Caller; 4] = [
    (|| Principal::OsUser { name: "kim".into(), groups: vec!["desk".into()] }, &[0, 1]),
    (|| Principal::OsUser { name: "kim".into(), groups: vec![] }, &[0]),
    (|| Principal::Vouched { name: "kim".into() }, &[2]),
    (|| Principal::OsUser { name: "lee".into(), groups: vec!["kim".into()] }, &[]),
];
const MEMBERS: [&str; 3] = ["os-user:kim", "os-group:desk", "principal:kim"];

// ---- The model.

/// A role: what it has of everything, by number.
#[derive(Clone, Debug, Default)]
struct Role {
    name: String,
    is_administrator: bool,
    is_standard: bool,
    /// By the catalogue's order.
    cmdlets: Vec<bool>,
    config: Vec<usize>,
    user: Vec<usize>,
    limits: Vec<usize>,
    members: Vec<usize>,
}

/// Something that a call touches.
#[derive(Clone, Debug)]
enum Part {
    Pool(usize),
    Account(usize),
    Domain(usize),
    Role(usize),
    /// A role that is not there yet.
    Made(Box<Role>),
    Everything,
    /// What only an administrator reaches.
    Unlisted,
}

/// A call, by numbers.
#[derive(Clone, Debug, Default)]
struct Asked {
    cmdlet: usize,
    /// Values of limited parameters: the parameter, and its numbers; none for a value outside of them.
    given: Vec<(usize, Vec<Option<usize>>)>,
    /// Each of which one role must cover whole.
    things: Vec<Vec<Part>>,
}

impl Role {
    fn pools(&self) -> u8 {
        self.config.iter().fold(0, |all, scope| all | CONFIG[*scope].1)
    }

    fn covers(&self, part: &Part, all: &[Role]) -> bool {
        let users = self.user.iter().fold(0, |all, scope| all | USER[*scope].1);
        let domains = self.user.iter().fold(0, |all, scope| all | USER[*scope].2);
        match part {
            Part::Pool(n) => self.pools() >> n & 1 == 1,
            Part::Account(n) => users >> n & 1 == 1,
            Part::Domain(n) => domains >> n & 1 == 1,
            Part::Role(n) => self.holds(&all[*n]),
            Part::Made(role) => self.holds(role),
            Part::Everything => self.config.contains(&0),
            Part::Unlisted => self.is_administrator,
        }
    }

    /// Whether another role is no more than this one.
    fn holds(&self, other: &Role) -> bool {
        if self.is_administrator {
            return true;
        }
        if other.is_administrator {
            return false;
        }
        let has_cmdlets = other.cmdlets.iter().zip(&self.cmdlets).all(|(wanted, own)| !wanted || *own);
        let lies_within = |wanted: &[usize], own: &[usize], within: &[&[usize]]| {
            wanted.iter().all(|one| own.iter().any(|scope| within[*one].contains(scope)))
        };
        let is_idle = !other.cmdlets.contains(&true);
        let is_limited = |limit: &usize| {
            !other.cmdlets[0]
                || other
                    .limits
                    .iter()
                    .any(|own| LIMITS[*own].0 == LIMITS[*limit].0 && LIMIT_WITHIN[*own].contains(limit))
        };
        is_idle
            || has_cmdlets
                && lies_within(&other.config, &self.config, &CONFIG_WITHIN)
                && lies_within(&other.user, &self.user, &USER_WITHIN)
                && self.limits.iter().all(is_limited)
    }

    fn allows(&self, asked: &Asked) -> bool {
        let within = |limit: &usize| {
            let (parameter, _, allowed) = LIMITS[*limit];
            let values = asked.given.iter().filter(|(given, _)| *given == parameter);
            values.flat_map(|(_, values)| values).all(|n| n.is_some_and(|n| allowed >> n & 1 == 1))
        };
        asked.cmdlet != 0 || self.limits.iter().all(within)
    }
}

/// The roles that may run a call's cmdlet with its values.
fn able<'r>(held: &[&'r Role], asked: &Asked, position: &[usize]) -> Vec<&'r Role> {
    let having = held.iter().filter(|role| role.cmdlets[position[asked.cmdlet]]);
    having.filter(|role| role.allows(asked)).copied().collect()
}

/// What the model says of a call.
fn model(able: &[&Role], all: &[Role], asked: &Asked) -> bool {
    !able.is_empty() && asked.things.iter().all(|thing| is_covered(able, all, thing, &[]))
}

/// Whether one of the roles covers all of a thing, and more.
fn is_covered(able: &[&Role], all: &[Role], thing: &[Part], more: &[Part]) -> bool {
    able.iter().any(|role| thing.iter().chain(more).all(|part| role.covers(part, all)))
}

/// Where the test of a thing may log on as its receiver too: at the first pool that lends the account and
/// that one role covers together with all of the thing.
fn lender(able: &[&Role], all: &[Role], thing: &[Part], receiver: usize) -> Option<usize> {
    let lends = |pool: &usize| LENDERS[receiver] >> pool & 1 == 1;
    (0..N_POOLS).filter(lends).find(|pool| is_covered(able, all, thing, &[Part::Pool(*pool)]))
}

// ---- Random things.

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

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    /// The letters in some other case.
    fn cased(&mut self, text: &str) -> String {
        let is_even = self.one_in(2);
        let mut letters = text.chars();
        let turned: String = letters
            .by_ref()
            .map(|c| if self.one_in(4) { c.to_uppercase().collect::<String>() } else { c.to_string() })
            .collect();
        if is_even { text.to_owned() } else { turned }
    }

    /// A host's name in some other spelling: letter case, a dot behind it.
    fn host(&mut self, name: &str) -> String {
        let dot = if name.ends_with(|c: char| c.is_ascii_alphabetic()) && self.one_in(4) { "." } else { "" };
        format!("{}{dot}", self.cased(name))
    }

    fn address(&mut self, n: usize) -> String {
        let (local, domain) = (USERS[n].0.split('@').next().unwrap(), USERS[n].1);
        let domain = self.of(DOMAINS[domain]);
        let scheme = ["", "", "sip:", "xmpp:", "SIP:", "XMPP:"][self.below(6)];
        format!("{scheme}{}@{}", self.cased(local), self.host(domain))
    }

    fn domain(&mut self, n: usize) -> String {
        let name = self.of(DOMAINS[n]);
        self.host(name)
    }

    /// A pool, mostly: `None` for what is none.
    fn pool(&mut self) -> (Option<usize>, String) {
        if self.one_in(8) {
            let name = self.of(NO_POOLS);
            return (None, self.host(name));
        }
        let n = self.below(N_POOLS);
        let name = self.of(POOLS[n]);
        (Some(n), self.host(name))
    }
}

/// Roles for one world: the built-in ones first, as the reviewed table has them.
fn any_roles(dice: &mut Dice, built_in: &[Role]) -> Vec<Role> {
    let mut roles = built_in.to_vec();
    for role in &mut roles {
        if dice.one_in(6) {
            role.members.push(dice.below(MEMBERS.len()));
        }
    }
    for n in 0..1 + dice.below(3) {
        let mut role = built_in[1 + dice.below(built_in.len() - 1)].clone();
        role.name = format!("Role {n}");
        role.is_standard = false;
        for has in &mut role.cmdlets {
            *has = if dice.one_in(5) { !*has } else { *has };
        }
        role.config = some(dice, CONFIG.len());
        role.user = some(dice, USER.len());
        role.limits = if dice.one_in(2) { some(dice, LIMITS.len()) } else { Vec::new() };
        role.members = some(dice, MEMBERS.len());
        roles.push(role);
    }
    roles
}

/// One to three different numbers.
fn some(dice: &mut Dice, below: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..1 + dice.below(3)).map(|_| dice.below(below)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The topology in which these roles are.
fn document(dice: &mut Dice, roles: &[Role]) -> String {
    let mut text = format!("{TOPOLOGY}[access]\n[[access.principal]]\nname = \"kim\"\n");
    for role in roles {
        let name = dice.cased(&role.name);
        if !role.is_standard {
            let cmdlets: Vec<String> = (0..ALL.len())
                .filter(|n| role.cmdlets[*n])
                .map(|n| {
                    let own = &ALL[n].description;
                    format!("{:?}", own.original.filter(|_| dice.one_in(3)).unwrap_or(own.name))
                })
                .collect();
            let _ = write!(
                text,
                "[[access.role]]\nidentity = {:?}\ntemplate = \"HelpDesk\"\ncmdlets = [{}]\nconfig_scopes = {:?}\n\
                 user_scopes = {:?}\n",
                role.name,
                cmdlets.join(", "),
                role.config.iter().map(|n| dice.of(CONFIG[*n].0)).collect::<Vec<_>>(),
                role.user.iter().map(|n| dice.of(USER[*n].0)).collect::<Vec<_>>(),
            );
            for limit in &role.limits {
                let (parameter, limit, _) = LIMITS[*limit];
                let cmdlet = dice.of(&["Test-XmppIM", "Test-CsXmppIM", "TEST-XMPPIM"]);
                let _ = write!(
                    text,
                    "[[access.role.limit]]\ncmdlet = \"{cmdlet}\"\nparameter = \"{}\"\n{limit}\n",
                    dice.cased(LIMITED[parameter])
                );
            }
        }
        if !role.members.is_empty() {
            let members: Vec<&str> = role.members.iter().map(|n| MEMBERS[*n]).collect();
            let _ = write!(text, "[[access.assignment]]\nrole = {name:?}\nmembers = {members:?}\n");
        }
    }
    text
}

/// A call by numbers and as arguments.
struct Written {
    asked: Asked,
    name: String,
    arguments: Arguments,
}

impl Written {
    fn with(&mut self, dice: &mut Dice, description: &Description, parameter: &str, value: impl Into<Value>) {
        let own = description.parameters.iter().find(|own| own.name == parameter).unwrap();
        let mut name = match own.aliases.first().filter(|_| dice.one_in(3)) {
            Some(alias) => (*alias).to_owned(),
            None => own.name.to_owned(),
        };
        // As short as it may be.
        if name == own.name && dice.one_in(3) {
            let short = (1..name.len())
                .find(|end| description.parameter(&name[..*end]).is_ok_and(|p| p.name == own.name));
            name.truncate(short.unwrap_or(name.len()));
        }
        let name = Some(if dice.one_in(3) { dice.cased(&name) } else { name });
        self.arguments.0.push(Argument { name, value: Some(value.into()), position: None });
    }
}

/// One to `most` things, with their spellings.
fn several<T>(
    dice: &mut Dice,
    most: usize,
    mut one: impl FnMut(&mut Dice) -> (T, String),
) -> (Vec<T>, Value) {
    let (numbers, texts): (Vec<T>, Vec<String>) = (0..1 + dice.below(most)).map(|_| one(dice)).unzip();
    let value = match texts.as_slice() {
        [only] => Value::text(only.as_str()),
        texts => Value::texts(texts.iter().map(String::as_str)),
    };
    (numbers, value)
}

fn pool_part(pool: Option<usize>) -> Part {
    pool.map_or(Part::Unlisted, Part::Pool)
}

/// A random call; `roles` are those of the world.
fn any_call(dice: &mut Dice, roles: &[Role], everything: &Catalogue) -> Written {
    let cmdlet = if dice.one_in(3) { 0 } else { dice.below(CMDLETS.len()) };
    let description = everything.find(CMDLETS[cmdlet]).unwrap();
    let name = match dice.below(3) {
        0 => description.original.unwrap_or(description.name).to_owned(),
        1 => dice.cased(description.name),
        _ => description.name.to_owned(),
    };
    let mut call =
        Written { asked: Asked { cmdlet, ..Asked::default() }, name, arguments: Arguments::none() };
    match CMDLETS[cmdlet] {
        "Test-XmppIM" => test(&mut call, dice, description),
        "Get-Pool" | "Get-HealthMonitoringConfiguration" => {
            if !dice.one_in(6) {
                let (pools, value) = several(dice, 2, Dice::pool);
                call.with(dice, description, "Identity", value);
                call.asked.things = pools.into_iter().map(|pool| vec![pool_part(pool)]).collect();
            }
        }
        "Set-Pool" => {
            let (pool, written) = dice.pool();
            call.with(dice, description, "Identity", written);
            let mut thing = vec![pool_part(pool)];
            match dice.below(4) {
                0 => call.with(dice, description, "Site", "Dublin"),
                1 => call.with(dice, description, "AllowPlain", true),
                2 => call.with(dice, description, "Servers", "10.6.6.6"),
                _ => call.with(dice, description, "Description", "x"),
            }
            if call.arguments.0[1].value.as_ref().is_some_and(|value| value.to_string() != "x") {
                thing.push(Part::Unlisted);
            }
            call.asked.things = vec![thing];
        }
        "Remove-Pool" => {
            let (pool, written) = dice.pool();
            call.with(dice, description, "Identity", written);
            let mut thing = vec![pool_part(pool)];
            // Redmond has a second pool, Dublin has none.
            let naming: &[usize] = match pool {
                Some(0) => &[3],
                Some(1) => &[2, 4],
                Some(_) => &[5],
                None => &[],
            };
            let names_it = |role: &&(usize, &Role)| role.1.config.iter().any(|scope| naming.contains(scope));
            let all: Vec<(usize, &Role)> = roles.iter().enumerate().collect();
            thing.extend(all.iter().filter(names_it).map(|(n, _)| Part::Role(*n)));
            call.asked.things = vec![thing];
        }
        "Get-XmppAllowedPartner" => {
            let (domains, value) = several(dice, 2, |dice| {
                let n = dice.below(N_DOMAINS);
                (n, dice.domain(n))
            });
            call.with(dice, description, "Identity", value);
            let part = |n: usize| if PARTNERS[n].is_some() { Part::Domain(n) } else { Part::Unlisted };
            call.asked.things = domains.into_iter().map(|n| vec![part(n)]).collect();
        }
        "Set-XmppAllowedPartner" | "Remove-XmppAllowedPartner" => {
            let n = dice.below(N_DOMAINS);
            let written = dice.domain(n);
            call.with(dice, description, "Identity", written);
            call.asked.things = vec![match PARTNERS[n] {
                Some(together) => together.iter().map(|n| Part::Domain(*n)).collect(),
                None => vec![Part::Unlisted],
            }];
            if cmdlet == 6 {
                partner_settings(&mut call, dice, description);
            }
        }
        "Get-TestUserCredential" | "Set-TestUserCredential" | "Remove-TestUserCredential" => {
            let n = dice.below(N_USERS);
            let written = dice.address(n);
            call.with(dice, description, "SipAddress", written);
            let lenders: Vec<Part> =
                (0..N_POOLS).filter(|pool| LENDERS[n] >> pool & 1 == 1).map(Part::Pool).collect();
            call.asked.things = vec![if lenders.is_empty() { vec![Part::Unlisted] } else { lenders }];
            if cmdlet == 9 {
                let credential = Credential::new("x", Secret::new("y".into()));
                call.with(dice, description, "Credential", Value::Credential(credential));
            }
        }
        "Set-XmppGatewayConfiguration" => {
            call.with(dice, description, "ConnectionLimit", Value::Integer(5));
            call.asked.things = vec![vec![Part::Everything]];
        }
        "Get-Credential" => {
            call.with(dice, description, "UserName", "kim");
            if dice.one_in(2) {
                let parameter = dice.of(&["FromFile", "FromEnvironment"]);
                call.with(dice, description, parameter, "HOME");
                call.asked.things = vec![vec![Part::Unlisted]];
            }
        }
        "Out-File" => {
            call.with(dice, description, "FilePath", "x");
            call.with(dice, description, "InputObject", "y");
            call.asked.things = vec![vec![Part::Unlisted]];
        }
        "Get-Help" => call.with(dice, description, "Name", "about_Roles"),
        _ => about_roles(&mut call, dice, description, roles),
    }
    // In any order, since every parameter has its name.
    let n = call.arguments.0.len();
    if n > 1 {
        let (one, other) = (dice.below(n), dice.below(n));
        call.arguments.0.swap(one, other);
    }
    call
}

fn test(call: &mut Written, dice: &mut Dice, description: &Description) {
    let (pools, value) = several(dice, 2, Dice::pool);
    call.with(dice, description, "TargetFqdn", value);
    let (receivers, value) = several(dice, 2, |dice| {
        let n = dice.below(N_USERS);
        (n, dice.address(n))
    });
    call.with(dice, description, "Receiver", value);
    let mut always = Vec::new();
    if dice.one_in(4) {
        let n = dice.below(N_USERS);
        let written = dice.address(n);
        call.with(dice, description, "UserSipAddress", written);
        always.push(Part::Account(n));
    }
    if dice.one_in(4) {
        // Whom a credential names sends as well, whatever address it is given with.
        let n = dice.below(N_USERS);
        let credential = Credential::new(USERS[n].0, Secret::new("y".into()));
        call.with(dice, description, "UserCredential", Value::Credential(credential));
        always.push(Part::Account(n));
    }
    if dice.one_in(6) {
        call.with(dice, description, "RegistrarPort", Value::Integer(5222));
        call.asked.given.push((PORT, vec![None]));
        always.push(Part::Unlisted);
    }
    if dice.one_in(3) {
        let n = dice.below(BODIES.len());
        call.with(dice, description, "Body", BODIES[n]);
        call.asked.given.push((BODY, vec![Some(n)]));
    }
    call.asked.given.push((TARGET, pools.clone()));
    call.asked.given.push((RECEIVER, receivers.iter().copied().map(Some).collect()));
    for pool in &pools {
        for receiver in &receivers {
            let mut thing = vec![pool_part(*pool), Part::Account(*receiver)];
            if LISTED_DOMAINS >> USERS[*receiver].1 & 1 == 0 {
                thing.push(Part::Unlisted);
            }
            thing.extend(always.iter().cloned());
            call.asked.things.push(thing);
        }
    }
}

fn partner_settings(call: &mut Written, dice: &mut Dice, description: &Description) {
    match dice.below(3) {
        0 => {
            let n = dice.below(3);
            let written = Value::text(dice.address(n));
            let change =
                Record::new("Map").with(["Add", "Remove"][dice.below(2)], Value::List(vec![written]));
            call.with(dice, description, "Receivers", change);
            call.asked.things.push(vec![Part::Account(n)]);
        }
        1 => {
            call.with(dice, description, "AdditionalDomains", "evil.example");
            for thing in &mut call.asked.things {
                thing.push(Part::Unlisted);
            }
        }
        _ => call.with(dice, description, "Description", "x"),
    }
}

/// Roles that are there, handed out, taken away, removed, changed; new ones; keys.
fn about_roles(call: &mut Written, dice: &mut Dice, description: &Description, roles: &[Role]) {
    let n = dice.below(roles.len());
    let kims = |roles: &[Role]| -> Vec<Part> {
        (0..roles.len()).filter(|n| roles[*n].members.contains(&2)).map(Part::Role).collect()
    };
    match CMDLETS[call.asked.cmdlet] {
        "Set-AdminPrincipal" => {
            let name = ["kim", "lee"][dice.below(2)];
            call.with(dice, description, "Identity", name);
            call.with(dice, description, "Keys", Record::new("Map").with("Remove", "x"));
            let held = kims(roles);
            let thing = if name == "lee" || held.is_empty() { vec![Part::Unlisted] } else { held };
            call.asked.things = vec![thing];
        }
        "New-AdminRole" => {
            let mut made = any_roles(dice, &roles[..5]).pop().unwrap();
            made.limits.clear();
            let is_taken = dice.one_in(3) && n >= 5;
            made.name = if is_taken { roles[n].name.clone() } else { "A new one".to_owned() };
            call.with(dice, description, "Template", "HelpDesk");
            let written = dice.cased(&made.name);
            call.with(dice, description, "Identity", written);
            let cmdlets = (0..ALL.len()).filter(|n| made.cmdlets[*n]).map(|n| ALL[n].description.name);
            call.with(dice, description, "Cmdlets", Value::texts(cmdlets));
            let scopes: Vec<&str> = made.config.iter().map(|n| dice.of(CONFIG[*n].0)).collect();
            call.with(dice, description, "ConfigScopes", Value::texts(scopes));
            let scopes: Vec<&str> = made.user.iter().map(|n| dice.of(USER[*n].0)).collect();
            call.with(dice, description, "UserScopes", Value::texts(scopes));
            let mut thing = vec![Part::Made(Box::new(made))];
            if is_taken {
                thing.push(Part::Role(n));
            }
            call.asked.things = vec![thing];
        }
        "Set-AdminRole" => {
            let n = 5 + dice.below(roles.len() - 5);
            let (mut after, scope) = (roles[n].clone(), dice.below(CONFIG.len()));
            let written = dice.cased(&roles[n].name);
            call.with(dice, description, "Identity", written);
            after.config = vec![scope];
            let scope = dice.of(CONFIG[scope].0);
            call.with(dice, description, "ConfigScopes", Record::new("Map").with("Replace", scope));
            call.asked.things = vec![vec![Part::Role(n), Part::Made(Box::new(after))]];
        }
        "Remove-AdminRole" => {
            let written = dice.cased(&roles[n].name);
            call.with(dice, description, "Identity", written);
            call.asked.things = vec![vec![Part::Role(n)]];
        }
        _ => {
            let is_there = !dice.one_in(6);
            let written = if is_there { dice.cased(&roles[n].name) } else { "Nope".to_owned() };
            let written = if is_there && n < 5 && dice.one_in(3) { format!("Cs{written}") } else { written };
            call.with(dice, description, "Identity", written);
            let member = ["os-user:lee", "principal:kim", "principal:lee"][dice.below(3)];
            call.with(dice, description, "Member", member);
            let mut thing = vec![if is_there { Part::Role(n) } else { Part::Unlisted }];
            if CMDLETS[call.asked.cmdlet] == "Grant-AdminRole" {
                match member {
                    // One without a role is an administrator's.
                    "principal:kim" if kims(roles).is_empty() => thing.push(Part::Unlisted),
                    "principal:kim" => thing.extend(kims(roles)),
                    "principal:lee" => thing.push(Part::Unlisted),
                    _ => {}
                }
            }
            call.asked.things = vec![thing];
        }
    }
}

/// The built-in roles as a person has read them: not computed from the cmdlets.
fn built_in() -> Vec<Role> {
    let table =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/roles.txt")).unwrap();
    let row = |name: &str| {
        let found = table.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_else(|| {
            panic!("tests/golden/roles.txt has no row of {name} yet: renew it, and read it")
        })
    };
    let has_it = |role: &str, cmdlet: &str| {
        let (roles, _) = row(cmdlet).split_once('|').unwrap();
        role == "Administrator" || roles.split_whitespace().any(|own| own == role)
    };
    ["Administrator", "ServerAdministrator", "UserAdministrator", "HelpDesk", "ViewOnlyAdministrator"]
        .map(|name| Role {
            name: name.to_owned(),
            is_administrator: name == "Administrator",
            is_standard: true,
            cmdlets: ALL.iter().map(|cmdlet| has_it(name, cmdlet.description.name)).collect(),
            config: vec![0],
            user: vec![0],
            limits: Vec::new(),
            members: Vec::new(),
        })
        .to_vec()
}

/// Calls of one world.
const CALLS: u64 = 2_000;

/// One world: some roles, and many calls by each of the callers. Says how many were allowed, of how many.
fn world(seed: u64, everything: &Catalogue, built_in: &[Role], position: &[usize]) -> (u64, u64) {
    let mut dice = Dice(seed.wrapping_mul(0x1234_5678_9abc_def1));
    let dice = &mut dice;
    let roles = any_roles(dice, built_in);
    let text = document(dice, &roles);
    let topology = Topology::parse(&text, Path::new("model.toml"));
    let topology = Arc::new(topology.unwrap_or_else(|mistakes| panic!("{mistakes:?}\n{text}")));
    let gates: Vec<Gate> = CALLERS.iter().map(|(who, _)| Gate::new(who())).collect();
    let (mut n_allowed, mut n_cases) = (0, 0);
    for _ in 0..CALLS / CALLERS.len() as u64 {
        let call = any_call(dice, &roles, everything);
        let Some(description) = everything.find(&call.name) else { panic!("seed {seed}: {}", call.name) };
        let bound: BoundArguments = bind::bind(description, call.arguments.clone(), false)
            .unwrap_or_else(|error| panic!("seed {seed}: {error} {:?}", call.arguments));
        for (gate, (_, own)) in gates.iter().zip(CALLERS) {
            let held: Vec<&Role> =
                roles.iter().filter(|role| role.members.iter().any(|n| own.contains(n))).collect();
            let said = gate
                .may_run(description, everything, &topology)
                .and_then(|leave| leave.roles_covering(&bound));
            let is_allowed = said.is_ok();
            n_cases += 1;
            n_allowed += u64::from(is_allowed);
            let able = able(&held, &call.asked, position);
            if is_allowed != model(&able, &roles, &call.asked) {
                panic!(
                    "seed {seed}: the gate says {said:?} to {} {:?}\n{:?}\n{:?}\n{text}",
                    call.name,
                    call.arguments,
                    call.asked,
                    gate.principal()
                );
            }
            if is_allowed && CMDLETS[call.asked.cmdlet] == "Test-XmppIM" {
                let leave = gate.may_run(description, everything, &topology).unwrap();
                let lenders = leave.covers(&bound).unwrap().lenders;
                assert_eq!(
                    lenders,
                    wanted_lenders(&able, &roles, &call.asked, &bound),
                    "seed {seed}: {:?}\n{:?}\n{:?}\n{text}",
                    call.arguments,
                    call.asked,
                    gate.principal()
                );
            }
            if let Err(refused) = said {
                let told = (refused.error.id, refused.error.target.as_deref());
                assert_eq!(told, ("PermissionDenied", None), "seed {seed}: {}", refused.error);
            }
        }
    }
    (n_allowed, n_cases)
}

/// Where the tests of a call may log on as their receivers too.
fn wanted_lenders(able: &[&Role], all: &[Role], asked: &Asked, bound: &BoundArguments) -> Lenders {
    let (_, receivers) = asked.given.iter().find(|(parameter, _)| *parameter == RECEIVER).unwrap();
    let written = bound.texts("Receiver").into_iter().map(|address| address.parse::<Address>().unwrap());
    let receivers: Vec<_> = receivers.iter().flatten().zip(written).collect();
    let targets = bound.texts("TargetFqdn");
    let pairs = targets.iter().flat_map(|target| receivers.iter().map(move |to| (target, to)));
    let lent = pairs.zip(&asked.things).filter_map(|((target, (n, receiver)), thing)| {
        let lender = POOLS[lender(able, all, thing, **n)?][0].parse().unwrap();
        Some(((target.clone(), receiver.clone()), lender))
    });
    Lenders::Covered(lent.collect())
}

/// A million cases and more. `IMSH_GATE_WORLDS` says how many times two thousand.
#[test]
fn the_gate_and_the_model_never_disagree() {
    let n_worlds = std::env::var("IMSH_GATE_WORLDS").map_or(520, |n| n.parse().unwrap());
    let everything = Catalogue::new(ALL.iter().map(|cmdlet| &cmdlet.description));
    let built_in = built_in();
    let position: Vec<usize> = CMDLETS
        .iter()
        .map(|name| ALL.iter().position(|cmdlet| cmdlet.description.name == *name).unwrap())
        .collect();
    let n_threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let share = |first: u64| {
        let worlds = (first..n_worlds).step_by(n_threads as usize);
        worlds
            .map(|seed| world(seed, &everything, &built_in, &position))
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    };
    let (n_allowed, n_cases) = std::thread::scope(|scope| {
        let shares: Vec<_> = (0..n_threads).map(|first| scope.spawn(move || share(first))).collect();
        let counts = shares.into_iter().map(|share| share.join().unwrap());
        counts.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    assert!(n_allowed * 20 > n_cases, "{n_allowed} of {n_cases} allowed proves little");
}
