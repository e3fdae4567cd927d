//! The catalogue: the descriptions that somebody may see, by every name they answer to.

use std::collections::HashMap;
use std::sync::Arc;

use super::Description;
use crate::access::{self, BuiltIn, CmdletName};
use crate::value::text::nearest;

/// Descriptions by name. A principal's own catalogue holds what that principal may run.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    by_name: Arc<HashMap<String, &'static Description>>,
    in_order: Arc<Vec<&'static Description>>,
}

impl Catalogue {
    /// The catalogue of these descriptions, kept in their order.
    pub fn new(descriptions: impl IntoIterator<Item = &'static Description>) -> Self {
        let in_order: Vec<_> = descriptions.into_iter().collect();
        let by_name = in_order
            .iter()
            .flat_map(|description| {
                description.every_name().map(|name| (name.to_ascii_lowercase(), *description))
            })
            .collect();
        Self { by_name: Arc::new(by_name), in_order: Arc::new(in_order) }
    }

    /// The same, where these names lead to the cmdlets beside them as well.
    pub fn with_aliases(self, aliases: Vec<(String, &'static str)>) -> Self {
        if aliases.is_empty() {
            return self;
        }
        let mut by_name = (*self.by_name).clone();
        for (alias, cmdlet) in aliases {
            if let Some(description) = self.find(cmdlet) {
                by_name.entry(alias).or_insert(description);
            }
        }
        Self { by_name: Arc::new(by_name), ..self }
    }

    /// The description that answers to `name`, in any letter case.
    pub fn find(&self, name: &str) -> Option<&'static Description> {
        self.by_name.get(&name.to_ascii_lowercase()).copied()
    }

    /// Every description, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static Description> {
        self.in_order.iter().copied()
    }

    /// The name that `name` was probably meant to be.
    pub fn nearest(&self, name: &str) -> Option<&'static str> {
        nearest(name, self.iter().flat_map(Description::every_name))
    }
}

/// As the roles ask for it.
impl access::KnownCmdlets for Catalogue {
    fn cmdlets_of(&self, role: BuiltIn) -> Vec<CmdletName> {
        let has_it = |one: &&Description| role == BuiltIn::Administrator || one.roles.contains(&role);
        self.iter().filter(has_it).filter_map(|one| one.name.parse().ok()).collect()
    }

    fn parameters_of(&self, cmdlet: &CmdletName) -> Option<Vec<String>> {
        let description = self.iter().find(|one| one.name.parse().ok().as_ref() == Some(cmdlet))?;
        Some(description.every_parameter().map(|parameter| parameter.name.to_owned()).collect())
    }
}
