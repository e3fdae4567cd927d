//! The limits of the sessions of a role: each limit once, as data.
//!
//! A limit is of one session, or of a principal over all sessions and processes. Topology, `-SessionLimits`
//! and help walk [`SESSION_LIMITS`]; what is not written holds its default, which is safe. Pure: counts
//! nothing.

use std::ops::RangeInclusive;

/// A limit of a session or of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limited {
    /// Sessions at once.
    Sessions,
    /// Blocks side by side in one session.
    Threads,
    /// Verifications under way at once, over all sessions.
    Verifications,
    /// Verifications begun in a minute, over all sessions.
    VerificationsPerMinute,
    /// Messages to one partner's domain in a minute, over all sessions.
    MessagesPerPartner,
    /// Refused logons of one account in a quarter of an hour, over all sessions.
    FailedLogons,
    /// Kibibytes of the audit log in a day, over all sessions.
    AuditKib,
    /// Mebibytes on the principal's drive.
    DriveMib,
    /// Operations of one program.
    Operations,
    /// Mebibytes of memory of one session.
    MemoryMib,
    /// Kibibytes of one program's text.
    SourceKib,
    /// Mebibytes that one program shows.
    OutputMib,
    /// Minutes that one program runs.
    ProgramMinutes,
    /// Minutes without a line typed.
    IdleMinutes,
    /// Minutes from the beginning of a session to its end.
    SessionMinutes,
}

/// One limit, as the topology and `-SessionLimits` write it.
#[derive(Clone, Debug)]
pub struct SessionLimit {
    /// Which.
    pub limited: Limited,
    /// Its key.
    pub key: &'static str,
    /// The value where the topology writes none.
    pub default: u32,
    /// The values that the topology may write.
    pub bounds: RangeInclusive<u32>,
    /// One line of help.
    pub help: &'static str,
}

/// Every limit, in the order of [`Limited`].
pub static SESSION_LIMITS: [SessionLimit; 15] = [
    limit(Limited::Sessions, "sessions", 6, 1, 64, "Sessions at once."),
    limit(Limited::Threads, "threads", 8, 1, 64, "Blocks side by side in one session."),
    limit(Limited::Verifications, "verifications", 16, 1, 256, "Verifications at once, over all sessions."),
    limit(
        Limited::VerificationsPerMinute,
        "verifications_per_minute",
        240,
        1,
        100_000,
        "Verifications begun in a minute, over all sessions.",
    ),
    limit(
        Limited::MessagesPerPartner,
        "messages_per_partner",
        60,
        1,
        100_000,
        "Messages to one partner in a minute, over all sessions.",
    ),
    limit(
        Limited::FailedLogons,
        "failed_logons",
        3,
        1,
        1000,
        "Refused logons of one account in 15 minutes, over all sessions.",
    ),
    limit(Limited::AuditKib, "audit_kib_per_day", 16_384, 64, 16 << 20, "KiB of the audit log in a day."),
    limit(Limited::DriveMib, "drive_mib", 16, 1, 65_536, "MiB on the drive."),
    limit(Limited::Operations, "operations", 20_000_000, 10_000, u32::MAX, "Operations of one program."),
    limit(Limited::MemoryMib, "memory_mib", 256, 32, 65_536, "MiB of memory of one session."),
    limit(Limited::SourceKib, "source_kib", 1024, 1, 16_384, "KiB of one program's text."),
    limit(Limited::OutputMib, "output_mib", 16, 1, 4096, "MiB that one program shows."),
    limit(Limited::ProgramMinutes, "program_minutes", 15, 1, 10_080, "Minutes that one program runs."),
    limit(Limited::IdleMinutes, "idle_minutes", 15, 1, 10_080, "Minutes without a line typed."),
    limit(Limited::SessionMinutes, "session_minutes", 480, 1, 10_080, "Minutes of a session in all."),
];

const fn limit(
    limited: Limited,
    key: &'static str,
    default: u32,
    least: u32,
    most: u32,
    help: &'static str,
) -> SessionLimit {
    SessionLimit { limited, key, default, bounds: least..=most, help }
}

/// The limits of a role, or of a principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionLimits([Option<u32>; SESSION_LIMITS.len()]);

impl Default for SessionLimits {
    fn default() -> Self {
        Self([None; SESSION_LIMITS.len()])
    }
}

impl SessionLimits {
    /// Those of the built-in administrator: as large as any, but for memory and for a session that nobody
    /// sits at.
    pub fn of_administrator() -> Self {
        let mut limits = Self(SESSION_LIMITS.each_ref().map(|limit| Some(*limit.bounds.end())));
        limits.set(Limited::MemoryMib, Some(1024));
        limits.set(Limited::IdleMinutes, None);
        limits
    }

    /// The value that holds: the written one, else the default.
    pub fn get(&self, limited: Limited) -> u32 {
        self.0[limited as usize].unwrap_or(SESSION_LIMITS[limited as usize].default)
    }

    /// The value that the topology writes, if it does.
    pub fn written(&self, limited: Limited) -> Option<u32> {
        self.0[limited as usize]
    }

    /// Writes one; nothing for its default.
    pub fn set(&mut self, limited: Limited, most: Option<u32>) {
        self.0[limited as usize] = most;
    }

    /// The larger of each: who has several roles has what one of them allows.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let larger = |limit: &SessionLimit| Some(self.get(limit.limited).max(other.get(limit.limited)));
        Self(SESSION_LIMITS.each_ref().map(larger))
    }

    /// Whether none is larger than the other's.
    pub fn is_within(&self, other: &Self) -> bool {
        SESSION_LIMITS.iter().all(|limit| self.get(limit.limited) <= other.get(limit.limited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_stands_at_its_own_place_and_holds_its_default_within_its_bounds() {
        for (n, limit) in SESSION_LIMITS.iter().enumerate() {
            assert_eq!(limit.limited as usize, n, "{}", limit.key);
            assert!(limit.bounds.contains(&limit.default), "{}", limit.key);
        }
    }

    #[test]
    fn several_roles_allow_the_larger_of_each() {
        let (mut one, mut other) = (SessionLimits::default(), SessionLimits::default());
        one.set(Limited::Sessions, Some(2));
        other.set(Limited::Sessions, Some(1));
        other.set(Limited::Threads, Some(64));
        let both = one.or(&other);
        assert_eq!((both.get(Limited::Sessions), both.get(Limited::Threads)), (2, 64));
        assert!(other.is_within(&both) && !both.is_within(&one) && one.is_within(&SessionLimits::default()));
    }
}
