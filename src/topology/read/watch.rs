//! Checks of `[[watch]]` and `[[notify]]` against each other and against the pools and partners.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Spans, TopologyReading};
use crate::topology::{Notification, NotificationKind, Topology, WatchEntry, duration};

impl TopologyReading<'_> {
    pub(super) fn check_watch(&mut self, watch: &mut WatchEntry, at: &Spans) {
        let mistakes = &mut self.mistakes;
        if watch.at.is_some() && at.has("every") {
            mistakes.add(at.span("every"), at.key("every"), "says when beside `at`", || {
                Some("leave one of the two out".to_owned())
            });
        }
        if watch.zone.is_some() && watch.at.is_none() {
            mistakes.add(at.span("zone"), at.key("zone"), "is of `at`, which is not there", || {
                Some("write at = \"0 6 * * *\", or leave zone out".to_owned())
            });
        }
        if watch.every < SHORTEST {
            let message = format!("is shorter than {}", duration::print(SHORTEST));
            mistakes.add(at.span("every"), at.key("every"), message, || {
                Some("test less often: each test logs on and sends a message".to_owned())
            });
        }
        if watch.script.is_some() {
            for key in ["tests", "pools", "receivers"].into_iter().filter(|key| at.has(key)) {
                mistakes.add(at.span(key), at.key(key), "has no meaning beside `script`", || {
                    Some("leave it out: the script says what is tested".to_owned())
                });
            }
        }
        if at.has("tests") && watch.tests.is_empty() {
            mistakes.add(at.span("tests"), at.key("tests"), "lists no test", || {
                Some("write enabled = false to pause it".to_owned())
            });
        }
    }

    pub(super) fn check_notification(&mut self, notification: &mut Notification, at: &Spans) {
        use NotificationKind::{Alertmanager, Exec, Mail, Webhook, Xmpp};
        let kind = notification.kind;
        let word = crate::topology::Words::word(kind);
        let needs: &[(&str, bool, &str)] = &[
            ("url", matches!(kind, Webhook | Alertmanager), "write url = \"https://…\""),
            ("url", kind == Mail, "write url = \"smtp://host:25\" or \"smtps://user@host\""),
            ("command", kind == Exec, "write command = [\"/path/to/program\"]"),
            ("to", matches!(kind, Mail | Xmpp), "write to = [\"user@domain\"]"),
            ("from", kind == Mail, "write from = \"imsh@yourdomain\""),
        ];
        for (key, is_needed, what) in needs {
            if *is_needed && !at.has(key) {
                let message = format!("is missing, and {word} needs it");
                self.mistakes.add(at.span(key), at.key(key), message, || Some((*what).to_owned()));
            }
        }
        let takes: &[(&str, bool)] = &[
            ("url", matches!(kind, Webhook | Alertmanager | Mail)),
            ("command", kind == Exec),
            ("to", matches!(kind, Mail | Xmpp)),
            ("from", kind == Mail),
            ("pool", kind == Xmpp),
            ("secret_file", matches!(kind, Webhook | Alertmanager | Mail)),
            ("ca_file", matches!(kind, Webhook | Alertmanager | Mail)),
        ];
        for (key, is_taken) in takes {
            if !*is_taken && at.has(key) {
                let message = format!("has no meaning for {word}");
                self.mistakes.add(at.span(key), at.key(key), message, || Some("leave it out".to_owned()));
            }
        }
        if let Some(url) = &notification.url
            && let Err(fault) = check_url(kind, url)
        {
            self.mistakes.add(at.span("url"), at.key("url"), fault, || None);
        }
        if kind == Exec
            && let Some(program) = notification.command.first()
            && !program.as_str().starts_with('/')
        {
            let message = format!("begins with {:?}, which is no absolute path", program.as_str());
            self.mistakes.add(at.span("command"), at.key("command"), message, || {
                Some("write the whole path: no PATH is searched".to_owned())
            });
        }
    }

    /// No period that a test which fails can outlast: the next one would be due before it has ended.
    fn check_periods(&mut self, topology: &Topology) {
        let longest = topology.gateway.longest_test();
        for (watch, at) in topology.watches.iter().zip(&self.places.watches) {
            let logs_on = watch.tests.iter().any(|test| test.logs_on());
            if !watch.enabled || !logs_on || watch.script.is_some() || watch.at.is_some() {
                continue;
            }
            if watch.every < longest {
                let (every, may_take) = (duration::print(watch.every), duration::print(longest));
                let message = format!(
                    "is {every}, and a test that fails may take {may_take} (gateway.timeout): it is then tested later \
                     than that"
                );
                self.remarks.add(at.span("every"), at.key("every"), message, || {
                    Some("test less often, or lower gateway.timeout".to_owned())
                });
            }
        }
    }

    /// No name twice, and no watch that tests nothing.
    pub(super) fn check_watches(&mut self, topology: &Topology) {
        let mut seen = BTreeMap::new();
        let mut scripts = BTreeMap::new();
        for (watch, at) in topology.watches.iter().zip(&self.places.watches) {
            let script = watch.script.as_ref().filter(|_| watch.enabled);
            if let Some(name) = script.and_then(|script| script.file_name())
                && let Some(other) = scripts.insert(name, &watch.identity)
            {
                let message = format!("has the file name of the script of {other:?}, and so its history");
                self.mistakes.add(at.span("script"), at.key("script"), message, || {
                    Some("rename one of the two files".to_owned())
                });
            }
            if seen.insert(watch.identity.to_lowercase(), ()).is_some() {
                let message = format!("{:?} names another watch already", watch.identity);
                self.mistakes.add(at.span("identity"), at.key("identity"), message, || None);
            }
            for (n, pattern) in watch.pools.iter().enumerate() {
                if !topology.pools.iter().any(|pool| pattern.means(pool)) {
                    let message = format!("{:?} means no pool of the topology", pattern.as_str());
                    self.remarks.add(at.item("pools", n), at.key("pools"), message, || None);
                }
            }
            for (n, pattern) in watch.receivers.iter().enumerate() {
                let tests_partners = watch.tests.iter().any(|test| test.is_of_partners());
                let means_partners = tests_partners && !pattern.partners(topology).is_empty();
                if !means_partners && pattern.receivers(topology).is_empty() {
                    let message = format!("{:?} means no receiver of the topology", pattern.as_str());
                    self.remarks.add(at.item("receivers", n), at.key("receivers"), message, || None);
                }
            }
            let needs_pools = watch.script.is_none() && watch.tests.iter().any(|test| test.logs_on());
            if watch.enabled && needs_pools && watch.pools_of(topology).is_empty() {
                let message =
                    format!("{:?} tests nothing: no pool that it means lends a test user", watch.identity);
                self.remarks.add(at.span("identity"), at.key("identity"), message, || None);
            }
        }
        self.check_periods(topology);
        let mut seen = BTreeMap::new();
        for (notification, at) in topology.notifications.iter().zip(&self.places.notifications) {
            if seen.insert(notification.identity.to_lowercase(), ()).is_some() {
                let message = format!("{:?} names another notification already", notification.identity);
                self.mistakes.add(at.span("identity"), at.key("identity"), message, || None);
            }
            if let Some(pool) = &notification.pool
                && !topology
                    .pools
                    .iter()
                    .any(|listed| listed.identity == *pool && !listed.test_users.is_empty())
            {
                let message = format!("{pool} is no pool of the topology that lends a test user");
                self.mistakes.add(at.span("pool"), at.key("pool"), message, || None);
            }
        }
        // A watch of which nobody is told is no mistake: its states are there to be read.
    }
}

/// Checks an address; the error is a clause that says what is wrong with it.
fn check_url(kind: NotificationKind, url: &str) -> Result<(), String> {
    let schemes: &[&str] = match kind {
        NotificationKind::Mail => &["smtp://", "smtps://"],
        NotificationKind::Webhook | NotificationKind::Alertmanager => &["http://", "https://"],
        NotificationKind::Exec | NotificationKind::Xmpp => return Ok(()),
    };
    let Some(rest) = schemes.iter().find_map(|scheme| url.strip_prefix(scheme)) else {
        return Err(format!("does not begin with {}", schemes.join(" or ")));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    if user.is_some_and(|user| user.contains(':')) {
        return Err("holds a password, which belongs into secret_file".to_owned());
    }
    if user.is_some() && kind != NotificationKind::Mail {
        return Err("holds a user name; a token comes from secret_file".to_owned());
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() || host.starts_with(':') || host.contains(char::is_whitespace) {
        return Err("names no host".to_owned());
    }
    Ok(())
}

/// No pair is tested more often.
const SHORTEST: Duration = Duration::from_secs(1);
