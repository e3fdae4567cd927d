//! The words of a notice: what is broken, whose it is, since when, how long, what next, seen from where.
//!
//! One message tells of every pair that the same finding is about. Pure: from the outbox's rows to a
//! document, a summary of one line, and a text. What servers said is quoted in the text alone.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::diagnosis::catalogue;
use crate::store::{Notice, NoticeKind, PairState};

/// A notice, as it is told. Serialised, it is what webhooks and programs get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticeMessage {
    /// The version of this document.
    pub version: u32,
    /// By which the other end recognises a repetition.
    pub key: String,
    /// `raise`, `reminder` or `clear`.
    pub kind: &'static str,
    /// The notification's name in the topology.
    pub notification: String,
    /// The site that tells it.
    pub site: String,
    /// The finding's code.
    pub code: Option<String>,
    /// The owner of the finding.
    pub owner: Option<String>,
    /// One line.
    pub summary: String,
    /// The next step to take.
    pub remedy: Option<String>,
    /// All of it in words.
    pub text: String,
    /// The pairs that the notice is about.
    pub pairs: Vec<NoticePair>,
}

/// A pair that a notice is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NoticePair {
    /// The change's identifier.
    pub change: String,
    /// The test.
    pub test: String,
    /// The pool; empty where a partner is looked at from here.
    pub pool: String,
    /// The receiver, the account or the partner.
    pub receiver: String,
    /// The state before.
    pub from: String,
    /// The state now.
    pub to: String,
    /// Since when.
    pub since: Timestamp,
    /// The duration of the state before, in seconds.
    pub lasted_seconds: i64,
    /// From which sites it is seen, in words, where not all see it.
    pub seen_from: Option<String>,
    /// The finding in words.
    pub diagnosis: Option<String>,
}

impl NoticeMessage {
    /// The message that tells of these notices, which are of one batch.
    pub fn of(notices: &[Notice], notification: &str, site: &str) -> Self {
        let first = notices.first();
        let kind = first.map_or(NoticeKind::Raise, |notice| notice.kind);
        let code = first.and_then(|notice| notice.code.clone());
        let owner = first.and_then(|notice| notice.owner.clone());
        let pairs: Vec<NoticePair> = notices.iter().map(NoticePair::of).collect();
        let remedy = code.as_deref().and_then(catalogue::entry).map(|entry| entry.remedy.to_owned());
        let summary = summary(kind, code.as_deref(), owner.as_deref(), &pairs);
        let key = first
            .map_or_else(String::new, |notice| format!("{}/{}/{}", notice.change, kind.name(), notice.n));
        let text = text(kind, &summary, code.as_deref(), &pairs, site);
        Self {
            version: 1,
            key,
            kind: kind.name(),
            notification: notification.to_owned(),
            site: site.to_owned(),
            code,
            owner,
            summary,
            remedy: remedy.filter(|_| kind != NoticeKind::Clear),
            text,
            pairs,
        }
    }
}

impl NoticePair {
    fn of(notice: &Notice) -> Self {
        Self {
            change: notice.change.clone(),
            test: notice.pair.test.clone(),
            pool: notice.pair.pool.clone(),
            receiver: notice.pair.receiver.clone(),
            from: notice.from.to_string(),
            to: notice.to.to_string(),
            since: Timestamp::from_microsecond(notice.at).unwrap_or_default(),
            lasted_seconds: notice.lasted / 1_000_000,
            seen_from: notice.seen_from.clone(),
            diagnosis: notice.diagnosis.clone(),
        }
    }

    /// The pair in words: `XmppIM pool → receiver`.
    fn name(&self) -> String {
        match (self.pool.as_str(), self.receiver.as_str()) {
            ("", receiver) => format!("{} {receiver}", self.test),
            (pool, receiver) if pool == receiver => format!("{} {pool}", self.test),
            (pool, receiver) => format!("{} {pool} → {receiver}", self.test),
        }
    }
}

fn summary(kind: NoticeKind, code: Option<&str>, owner: Option<&str>, pairs: &[NoticePair]) -> String {
    let word = match kind {
        NoticeKind::Raise => "Broken",
        NoticeKind::Reminder => "Still broken",
        // The pair is broken still, and it is another's to mend.
        NoticeKind::Clear if pairs.iter().all(|pair| pair.to != PairState::Up.to_string()) => "No longer",
        NoticeKind::Clear => "Mended",
    };
    let finding = match (code, owner) {
        (Some(code), Some(owner)) => format!("{code} ({owner})"),
        (Some(code), None) => code.to_owned(),
        (None, _) => "its tests turn to and fro".to_owned(),
    };
    let what = match pairs {
        [only] => only.name(),
        pairs => {
            let domain = |pair: &NoticePair| {
                pair.receiver.rsplit_once('@').map_or(pair.receiver.clone(), |(_, domain)| domain.to_owned())
            };
            let first = pairs.first().map(domain).unwrap_or_default();
            let is_one_partner = pairs.iter().all(|pair| domain(pair) == first);
            let pool = pairs.first().map(|pair| pair.pool.clone()).unwrap_or_default();
            let place = match (is_one_partner, pairs.iter().all(|pair| pair.pool == pool)) {
                (true, _) => format!(" at {first}"),
                (false, true) if !pool.is_empty() => format!(" from {pool}"),
                (false, _) => String::new(),
            };
            format!("{} pairs{place}", pairs.len())
        }
    };
    format!("{word}: {finding}, {what}")
}

fn text(kind: NoticeKind, summary: &str, code: Option<&str>, pairs: &[NoticePair], site: &str) -> String {
    let mut lines = vec![format!("{summary}."), String::new()];
    for pair in pairs.iter().take(MOST_LISTED) {
        let seen = pair.seen_from.as_ref().map(|sites| format!(", seen {sites}")).unwrap_or_default();
        let lasted = match kind {
            NoticeKind::Clear => format!(", after {}", span(pair.lasted_seconds)),
            NoticeKind::Raise | NoticeKind::Reminder => String::new(),
        };
        let since = pair.since.strftime("%Y-%m-%d %H:%M:%S UTC");
        lines.push(format!("- {}: {} since {since}{lasted}{seen}", pair.name(), pair.to));
    }
    if pairs.len() > MOST_LISTED {
        lines.push(format!("- and {} more", pairs.len() - MOST_LISTED));
    }
    if kind != NoticeKind::Clear
        && let Some(diagnosis) = pairs.iter().find_map(|pair| pair.diagnosis.as_deref())
    {
        lines.push(String::new());
        lines.extend(diagnosis.lines().map(plain));
    }
    if let Some(code) = code.filter(|_| kind != NoticeKind::Clear) {
        lines.push(String::new());
        lines.push(format!("More: imsh -c 'Get-Help {code}'"));
    }
    lines.push(String::new());
    lines.push(format!("Told by imsh watch at {site}."));
    lines.join("\n")
}

/// A line without what no message can carry.
fn plain(line: &str) -> String {
    line.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c })
        .collect()
}

fn span(seconds: i64) -> String {
    let span = SignedDuration::from_secs(seconds);
    let (hours, minutes) = (span.as_hours(), span.as_mins() % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) if hours < 48 => format!("{hours} h {minutes} min"),
        (hours, _) => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// The number of pairs that a text lists; the document has all.
const MOST_LISTED: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::PairName;

    fn notice(receiver: &str, kind: NoticeKind) -> Notice {
        Notice {
            change: "01890000-0000-7000-8000-000000000001".to_owned(),
            kind,
            n: 0,
            attempts: 0,
            batch: String::new(),
            left: Vec::new(),
            pair: PairName {
                test: "XmppIM".to_owned(),
                pool: "atl-cs-001.litwareinc.com".to_owned(),
                receiver: receiver.to_owned(),
            },
            from: PairState::Up,
            to: if kind == NoticeKind::Clear { PairState::Up } else { PairState::Down },
            at: 1_796_000_000_000_000,
            lasted: 7_260_000_000,
            code: Some("FEDERATION-REFUSED".to_owned()),
            owner: Some("Partner".to_owned()),
            seen_from: None,
            diagnosis: Some("Nobody listens.\u{1b}[31m".to_owned()),
        }
    }

    #[test]
    fn a_notice_says_what_is_broken_whose_it_is_and_what_next() {
        let pairs =
            [notice("adelany@contoso.com", NoticeKind::Raise), notice("ada@contoso.com", NoticeKind::Raise)];
        let message = NoticeMessage::of(&pairs, "on call", "Dublin");
        assert_eq!(message.summary, "Broken: FEDERATION-REFUSED (Partner), 2 pairs at contoso.com");
        assert_eq!(message.key, "01890000-0000-7000-8000-000000000001/raise/0");
        assert!(message.remedy.is_some());
        for part in ["adelany@contoso.com: Down since 2026-11-30", "Nobody listens.\u{fffd}[31m", "at Dublin"]
        {
            assert!(message.text.contains(part), "{part}: {}", message.text);
        }
    }

    #[test]
    fn the_end_of_it_says_how_long_it_lasted() {
        let message = NoticeMessage::of(&[notice("ada@contoso.com", NoticeKind::Clear)], "on call", "Dublin");
        assert_eq!(
            message.summary,
            "Mended: FEDERATION-REFUSED (Partner), XmppIM atl-cs-001.litwareinc.com → ada@contoso.com"
        );
        assert!(message.text.contains("after 2 h 1 min"), "{}", message.text);
        assert_eq!(message.remedy, None);
    }
}
