//! The manual pages: one for the program, one for each of its subcommands.
//!
//! Made of what `--help` says. Never tells an option that it does not take.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::cli;
use super::exit::ExitStatus;

/// Prints the manual page of a subcommand, or of the program.
pub fn manual(name: Option<&str>) -> ExitStatus {
    let mut text = Vec::new();
    // Writing to memory cannot fail.
    match page(name, &mut text) {
        Ok(()) => cli::print(&text),
        Err(_) => ExitStatus::Wrong,
    }
}

fn page(name: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let mut program = cli::command().disable_help_subcommand(true);
    // Only then the commands have the options that every way in shares.
    program.build();
    let named = name.and_then(|name| program.find_subcommand(name)).cloned();
    let command = named.unwrap_or_else(|| program.clone());
    let page = Man::new(with_usage(command.clone()))
        .source(format!("imsh {}", program.get_version().unwrap_or_default()))
        .manual("imsh");
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    match name {
        None => {
            page.render_subcommands_section(out)?;
            as_it_stands("EXAMPLES", cli::EXAMPLES, out)?;
            as_it_stands("EXIT STATUS", cli::EXIT_STATUS, out)
        }
        Some(_) => {
            let examples = command.get_after_help().map(ToString::to_string);
            let examples = examples.as_deref().map(|text| text.strip_prefix("Examples:\n").unwrap_or(text));
            examples.map_or(Ok(()), |text| as_it_stands("EXAMPLES", text, out))?;
            let mut seen = Roff::new();
            seen.control("SH", ["SEE ALSO"]).text([roman("imsh(1)")]);
            seen.to_writer(out)
        }
    }
}

/// The synopsis is what `--help` calls usage.
fn with_usage(mut command: Command) -> Command {
    let usage = command.render_usage().to_string();
    let usage = usage.strip_prefix("Usage:").unwrap_or(&usage).trim().to_owned();
    command.override_usage(usage)
}

/// A section whose lines stay as they are.
fn as_it_stands(heading: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut section = Roff::new();
    section.control("SH", [heading]).control("nf", []);
    for line in text.lines() {
        section.text([roman(line)]);
    }
    section.control("fi", []).to_writer(out)
}
