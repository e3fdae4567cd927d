//! Views as data: how records of a type are shown, and PowerShell's rule for all others.
//!
//! A new type of record gets its view by a new entry in `VIEWS`; the records of tests have theirs from
//! the schema of their kind. Without either every property is shown under its own name.

use std::sync::LazyLock;

use crate::result::kind::KindSchema;
use crate::result::schema::ResultProperty;
use crate::result::{self, TestKind};
use crate::value::{Record, Value};

/// The presentation of records of one type.
#[derive(Debug)]
pub struct View {
    /// The records' type name.
    pub type_name: &'static str,
    /// The layout where none is asked for.
    pub layout: Layout,
    /// The lines of the list layout; empty means every property.
    pub list: &'static [Column],
    /// The columns of the table layout; empty means every property.
    pub table: &'static [Column],
}

/// The layout of several properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A line for each property.
    List,
    /// A column for each property.
    Table,
    /// A list where the record stays alone, a table where several come.
    ListOfOne,
}

/// One property of a view.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// The property's name.
    pub property: &'static str,
    /// The label beside or above the property.
    pub label: &'static str,
    /// The width that a table leaves it, even where the first rows need less.
    pub least_width: usize,
}

const fn as_is(property: &'static str) -> Column {
    labelled(property, property)
}

const fn labelled(property: &'static str, label: &'static str) -> Column {
    Column { property, label, least_width: 0 }
}

/// The views of all but tests, whose kinds state theirs.
const VIEWS: &[View] = &[
    View {
        type_name: "TestUserCredential",
        layout: Layout::Table,
        list: &[as_is("SipAddress"), as_is("UserName"), as_is("Password"), as_is("HasCertificate")],
        table: &[as_is("SipAddress"), as_is("UserName"), as_is("Password"), as_is("HasCertificate")],
    },
    View {
        type_name: "Pool",
        layout: Layout::Table,
        list: &[],
        table: &[as_is("Identity"), as_is("Site"), as_is("Domains"), as_is("TestUsers")],
    },
    View {
        type_name: "XmppAllowedPartner",
        layout: Layout::Table,
        list: &[],
        table: &[as_is("Identity"), as_is("AdditionalDomains"), as_is("Receivers"), as_is("MinimumEvidence")],
    },
    View { type_name: "HealthMonitoringConfiguration", layout: Layout::List, list: &[], table: &[] },
    View { type_name: "AdminRole", layout: Layout::List, list: &[], table: &[] },
    View {
        type_name: "AuditRecord",
        layout: Layout::Table,
        list: &[],
        table: &[
            as_is("Time"),
            as_is("Principal"),
            as_is("Cmdlet"),
            as_is("Outcome"),
            as_is("Reason"),
            as_is("Parameters"),
        ],
    },
    View { type_name: "Credential", layout: Layout::Table, list: &[], table: &[] },
    View {
        type_name: "TestState",
        layout: Layout::ListOfOne,
        list: &[],
        table: &[
            as_is("State"),
            as_is("Since"),
            as_is("TargetFqdn"),
            as_is("Receiver"),
            as_is("Code"),
            as_is("Owner"),
        ],
    },
    View {
        type_name: "TestRun",
        layout: Layout::ListOfOne,
        list: &[],
        table: &[
            as_is("StartedAt"),
            as_is("Tests"),
            as_is("Failures"),
            as_is("NotRun"),
            as_is("Way"),
            as_is("Command"),
        ],
    },
    View {
        type_name: "TestTrend",
        layout: Layout::ListOfOne,
        list: &[],
        table: &[
            as_is("Start"),
            as_is("TargetFqdn"),
            as_is("Receiver"),
            as_is("Tests"),
            as_is("Availability"),
            as_is("P95"),
        ],
    },
];

/// The layout for a record of which nobody said how to show it: its view's, else more than
/// four properties as a list.
pub fn layout(record: &Record) -> Layout {
    match find(record.type_name()) {
        Some(view) => view.layout,
        None if record.len() > 4 => Layout::List,
        None => Layout::Table,
    }
}

/// Labels and values of a record in the list layout.
pub fn list_of(record: &Record) -> Vec<(&str, &Value)> {
    chosen(record, find(record.type_name()).map_or(&[], |view| view.list))
}

/// Labels and values of a record in the table layout; null where the record lacks a column.
pub fn row_of(record: &Record) -> Vec<(&str, &Value)> {
    chosen(record, find(record.type_name()).map_or(&[], |view| view.table))
}

/// The widths that a table of such records leaves its columns at least, in their order.
pub fn least_widths(record: &Record) -> impl Iterator<Item = usize> {
    let columns = find(record.type_name()).map_or(&[][..], |view| view.table);
    columns.iter().map(|column| column.least_width)
}

/// The properties that the view of a type shows, in the list or in the table.
pub fn properties(type_name: &str) -> Vec<&'static str> {
    let Some(view) = find(type_name) else { return Vec::new() };
    let mut names: Vec<&str> = view.list.iter().chain(view.table).map(|column| column.property).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether records of this type have a view of their own.
pub fn is_registered(type_name: &str) -> bool {
    find(type_name).is_some()
}

fn find(type_name: &str) -> Option<&'static View> {
    let tests = OF_TESTS.iter().find(|view| view.type_name == type_name);
    tests.or_else(|| VIEWS.iter().find(|view| view.type_name == type_name))
}

/// The views of tests, from the schema of each kind that has one.
static OF_TESTS: LazyLock<Vec<View>> = LazyLock::new(|| {
    let schemas = TestKind::ALL.into_iter().map(TestKind::schema).filter(|schema| !schema.table.is_empty());
    let view = |schema: &'static KindSchema| {
        let line = |property: &&ResultProperty| labelled(property.name, property.label);
        let column = |column: &result::kind::TableColumn| Column {
            least_width: column.least_width,
            ..labelled(column.property.name, column.property.label)
        };
        View {
            type_name: schema.type_name,
            layout: Layout::ListOfOne,
            // Made once, and as long-lived as what it is made of.
            list: schema.list.iter().map(line).collect::<Vec<_>>().leak(),
            table: schema.table.iter().map(column).collect::<Vec<_>>().leak(),
        }
    };
    schemas.map(view).collect()
});

fn chosen<'a>(record: &'a Record, columns: &'static [Column]) -> Vec<(&'a str, &'a Value)> {
    let own = |column: &Column| record.iter().find(|(name, _)| *name == column.property);
    // A record that shares only the name with the view's type is shown whole.
    if columns.iter().all(|column| own(column).is_none()) {
        return record.iter().collect();
    }
    columns
        .iter()
        .map(|column| (column.label, own(column).map_or(&Value::Null, |(_, value)| value)))
        .collect()
}
