//! The places where the topology is looked for. The caller reads the environment and says what it found.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The values of the command line and the environment, not yet interpreted.
#[derive(Clone, Copy, Debug, Default)]
pub struct TopologyPlaces<'a> {
    /// `--topology FILE`.
    pub flag: Option<&'a Path>,
    /// `$IMSH_TOPOLOGY`.
    pub variable: Option<&'a OsStr>,
    /// `$XDG_CONFIG_HOME`.
    pub config_home: Option<&'a OsStr>,
    /// `$HOME`.
    pub home: Option<&'a OsStr>,
}

impl TopologyPlaces<'_> {
    /// The topology to use, in the order `--topology`, `$IMSH_TOPOLOGY`, the user's configuration
    /// directory, `/etc/imsh/topology.toml`; `None` where there is none.
    ///
    /// A topology that is named outright is returned whether it exists or not: a wrong name is a mistake, and
    /// another topology is no substitute.
    pub fn find(&self) -> Option<PathBuf> {
        if let Some(named) = self.named() {
            return Some(named);
        }
        // A file that cannot be looked at is there: say so when it is read, do not pass it over.
        self.looked_at().into_iter().find(|path| path.try_exists().unwrap_or(true))
    }

    /// Returns the paths where a topology that nobody named is looked for, in this order.
    pub fn looked_at(&self) -> Vec<PathBuf> {
        self.users_own().into_iter().chain([PathBuf::from(SYSTEM)]).collect()
    }

    /// Returns the path of the topology, or the path where one is created when there is none yet.
    pub fn find_or_create(&self) -> Option<PathBuf> {
        self.find().or_else(|| self.users_own())
    }

    fn named(&self) -> Option<PathBuf> {
        let variable = self.variable.filter(|value| !value.is_empty()).map(PathBuf::from);
        self.flag.map(Path::to_owned).or(variable)
    }

    fn users_own(&self) -> Option<PathBuf> {
        let absolute = |value: &OsStr| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
        let config = self.config_home.and_then(absolute);
        let config = config.or_else(|| Some(self.home.and_then(absolute)?.join(".config")));
        Some(config?.join("imsh/topology.toml"))
    }
}

/// The directory of the state of delegated sessions: who is in them, what was used up, transcripts.
pub const STATE: &str = "/var/lib/imsh";

/// The topology of the whole machine.
pub const SYSTEM: &str = "/etc/imsh/topology.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_wins_over_what_is_found() {
        let home = tempfile::tempdir().unwrap();
        let own = home.path().join(".config/imsh/topology.toml");
        let mut places = TopologyPlaces { home: Some(home.path().as_os_str()), ..TopologyPlaces::default() };
        assert_eq!(places.find_or_create(), places.find().or(Some(own.clone())));
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "").unwrap();
        assert_eq!(places.find(), Some(own));
        places.variable = Some(OsStr::new(""));
        assert!(places.find().unwrap().starts_with(home.path()), "an empty variable names nothing");
        places.variable = Some(OsStr::new("named.toml"));
        assert_eq!(places.find(), Some("named.toml".into()));
        places.flag = Some(Path::new("flag.toml"));
        assert_eq!(places.find(), Some("flag.toml".into()));
    }
}
