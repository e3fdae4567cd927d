//! `Test-Topology`: checks everything that the topology lists.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::guesses::Guesses;
use super::{elsewhere, verifying};
use crate::access::BuiltIn;
use crate::address::Domain;
use crate::call::{Call, Cmdlet, Halt, Outcome, filter};
use crate::cmdlet::{Binds, Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};
use crate::topology::{Partner, Pool};
use crate::verify::checks::{CheckTest, Checked, PoolSubject, Subject};
use crate::verify::partner::Inspection;
use crate::verify::plan::{deadlines, lent, stranger};
use crate::verify::registration::Registrar;
use crate::verify::schedule;
use crate::verify::sessions::Sessions;

/// `Test-Topology`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Test-Topology",
        original: Some("Test-CsTopology"),
        aliases: &[],
        family: Family::Verify,
        synopsis: "Checks the pools, test users and partners of the topology, each by itself.",
        description: "For each pool: its names resolve (Resolve), its ports are open (Connect), its certificate is good, \
            with the days it has left (Secure), and each test user logs on (Logon). What lies behind a check that \
            fails is not checked. For each partner, and each of its other domains: whether it could be federated \
            with, as it is seen from this machine (Partner; Test-FederatedPartner shows more). No message is sent, \
            and no presence. What the topology \
            says and probably does not mean is a warning.\n\n\
            Without parameters, everything is checked that you may see. One row a check; the exit status is 1 where \
            one fails.",
        parameters: &[
            Parameter::new("Pool", Kind::Pool, "The pools to check.")
                .aliases(&["Identity"])
                .many()
                .at(0)
                .default("All of them; none where only partners are named.")
                .from_all_records()
                .binds(Binds::Pool),
            Parameter::new("Partner", Kind::Domain, "The partners to check, by any of their domains.")
                .many()
                .default("All of them; none where only pools are named.")
                .binds(Binds::Federation),
            verifying::TIMEOUT,
            elsewhere::SITE,
            verifying::THROTTLE_LIMIT,
            verifying::DEADLINE,
            verifying::UNTIL,
            verifying::ORDERED,
            verifying::RESUME,
            verifying::FORCE,
            Parameter::foreign(
                "Report",
                "-OutLoggerVariable keeps everything, and its ToHTML() makes a report of it",
            ),
            Parameter::foreign("Service", "name pools and partners: -Pool, -Partner"),
        ],
        emits: "TopologyCheck",
        roles: &[BuiltIn::ServerAdministrator, BuiltIn::UserAdministrator, BuiltIn::HelpDesk],
        impact: Impact::None,
        examples: &[
            Example {
                title: "Checks a pool",
                code: "Test-Topology atl-cs-001.litwareinc.com | Select-Object Check,Target,Result",
                output: "Check   Target                    Result\n\
                    -----   ------                    ------\n\
                    Resolve atl-cs-001.litwareinc.com Success\n\
                    Connect atl-cs-001.litwareinc.com Success\n\
                    Secure  atl-cs-001.litwareinc.com Success\n\
                    Logon   kenmyer@litwareinc.com    Success\n\
                    Logon   pilar@litwareinc.com      Success",
            },
            Example {
                title: "Shows what is broken at two pools and a partner",
                code: "Test-Topology expired.litwareinc.com,wrong-password.litwareinc.com -Partner refused.contoso.com | \
                    Where-Object Result -eq Failure | Sort-Object Check | Select-Object Check,Target,Code,Owner",
                output: "Check   Target                                Code               Owner\n\
                    -----   ------                                ----               -----\n\
                    Logon   kenmyer@wrong-password.litwareinc.com SASL-REJECTED      Caller\n\
                    Partner refused.contoso.com                   FEDERATION-REFUSED Partner\n\
                    Secure  expired.litwareinc.com                TLS-EXPIRED        Pool",
            },
        ],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let named = ["Pool", "Partner"];
    let names_something = named.iter().any(|name| !call.bound.texts(name).is_empty());
    if !names_something && verifying::names_nothing(&call, &named)? {
        return Ok(());
    }
    if let Some(site) = elsewhere::site(&call) {
        return elsewhere::ask(&call, &site).await;
    }
    call.warn_where_no_topology()?;
    // Remarks name what a narrow role may not see.
    if call.sees_everything() && !call.bound.switch("Force") {
        call.whole.remarks.iter().try_for_each(|remark| call.warn(remark.to_string()))?;
    }
    let mut guesses = Guesses::default();
    let subjects = subjects(&call, &mut guesses)?;
    let subjects = verifying::unfinished_groups(&call, subjects, Subject::checks).await?;
    let total = subjects.len();
    let admitted = verifying::admit(&call, subjects.iter().map(n_tests).sum(), &[]).await?;
    let with = Registrar {
        sessions: Arc::new(Sessions::remembering(call.context.refused.get().cloned())),
        network: call.context.network(&call.topology),
        watcher: verifying::watcher(&call),
    };
    let checks = subjects.into_iter().map(|subject| CheckTest { subject, with: with.clone() }).collect();
    let (sender, results) = mpsc::channel(verifying::WAITING);
    let running = schedule::run(admitted.schedule(&call)?, checks, sender);
    let reports = |checks: &Vec<Checked>, stanzas| checks.iter().map(|check| check.report(stanzas)).collect();
    verifying::report(&call, total, guesses, running, results, reports).await
}

/// Everything that is to be checked.
fn subjects(call: &Call, guesses: &mut Guesses) -> Result<Vec<Subject>, Halt> {
    let names_pools = call.bound.is_given("Pool");
    let names_partners = call.bound.is_given("Partner");
    let mut subjects = Vec::new();
    if names_pools || !names_partners {
        for pool in pools(call)? {
            subjects.extend(subject(call, pool, guesses)?.map(|pool| Subject::Pool(Box::new(pool))));
        }
    }
    if names_partners || !names_pools {
        let timeout = call.bound.duration("Timeout");
        let looks = domains(call)?
            .into_iter()
            .map(|domain| Inspection::plan(&call.topology, None, domain, None, timeout))
            .map(|inspection| Subject::Partner(Box::new(inspection)));
        subjects.extend(looks);
    }
    if subjects.is_empty() && !names_pools && !names_partners && call.topology.pools.is_empty() {
        verifying::nothing_tested(call, "the topology lists neither pools nor partners")?;
    }
    Ok(subjects)
}

/// How many tests a subject takes: one for each logon, and for each look.
fn n_tests(subject: &Subject) -> usize {
    match subject {
        Subject::Pool(pool) => pool.users.len().max(1),
        Subject::Partner(_) => 1,
    }
}

/// The pools that are named, or all.
fn pools(call: &Call) -> Result<Vec<&Pool>, Halt> {
    if !call.bound.is_given("Pool") {
        return Ok(call.topology.pools.iter().collect());
    }
    let mut pools = Vec::new();
    for written in call.bound.texts("Pool") {
        match call.topology.canonical_pool(&written) {
            Some(pool) => pools.push(pool),
            None => {
                let message = format!("There is no pool '{written}'.");
                let error = ErrorRecord::new(Category::ObjectNotFound, "PoolNotFound", message);
                let remedy = filter::advice(
                    "Get-Pool",
                    "pools",
                    &written,
                    &call.topology.place(),
                    call.topology.pool_names(),
                );
                call.error(error.target(&written).remedy(remedy))?;
            }
        }
    }
    Ok(pools)
}

/// A pool with its test users, and what the vault holds for them; none where all of them are left alone.
fn subject(call: &Call, pool: &Pool, guesses: &mut Guesses) -> Result<Option<PoolSubject>, Halt> {
    let vault = || call.context.vault.open();
    // The vault's file is read here, once.
    let lent = tokio::task::block_in_place(|| lent(pool, &vault));
    let lent = lent.map_err(|refusal| refusal.error(pool.identity.as_str(), &call.topology.place()))?;
    let is_lending = !lent.is_empty();
    let mut users = Vec::with_capacity(lent.len());
    for user in lent {
        match guesses.left_alone(call, &user.address) {
            Some(error) => call.error(error)?,
            None => users.push(user),
        }
    }
    if is_lending && users.is_empty() {
        return Ok(None);
    }
    let deadlines = deadlines(&call.topology.gateway, call.bound.duration("Timeout"));
    Ok(Some(PoolSubject { users, stranger: stranger(pool), deadlines }))
}

/// The domains of the partners that are named, or of all.
fn domains(call: &Call) -> Result<Vec<Domain>, ErrorRecord> {
    let all_of = |partner: &Partner| {
        [&partner.domain].into_iter().chain(&partner.additional_domains).cloned().collect::<Vec<_>>()
    };
    if !call.bound.is_given("Partner") {
        return Ok(call.topology.partners.iter().flatten().flat_map(all_of).collect());
    }
    call.bound.texts("Partner").iter().map(|written| verifying::domain(written)).collect()
}
