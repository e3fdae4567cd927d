//! `Start-Transcript`: writes down what the session shows.

use std::path::{Path, PathBuf};

use jiff::ZonedDateTime;

use crate::access::Principal;
use crate::call::files::{self, Existing};
use crate::call::transcript::Heading;
use crate::call::{Call, Cmdlet, Outcome};
use crate::cmdlet::{Category, Description, ErrorRecord, Example, Family, Impact, Kind, Parameter};

/// `Start-Transcript`.
pub static CMDLET: Cmdlet = Cmdlet {
    description: Description {
        name: "Start-Transcript",
        original: None,
        aliases: &[],
        family: Family::Shell,
        synopsis: "Writes what is typed and shown from now on into a file.",
        description: "Until Stop-Transcript, or until the session ends. Without a name the file lies in your home \
                      directory and its name cannot be guessed. Only its owner may read it. Passwords are never \
                      in it: they are not shown, and a typed line that looks as if it held a secret is left out.",
        parameters: &[
            Parameter::new("Path", Kind::File, "The file to write.")
                .aliases(&["LiteralPath", "FilePath"])
                .at(0)
                .default("imsh_transcript.MACHINE.RANDOM.TIME.txt in your home directory."),
            Parameter::new("OutputDirectory", Kind::File, "The directory for a file with such a name."),
            Parameter::new("Append", Kind::Switch, "Writes behind what the file holds."),
            Parameter::new("NoClobber", Kind::Switch, "Fails if the file exists."),
            Parameter::new("IncludeInvocationHeader", Kind::Switch, "Puts the time above each typed line."),
            Parameter::new("UseMinimalHeader", Kind::Switch, "Leaves user, machine and version out."),
        ],
        emits: "",
        roles: &[],
        impact: Impact::Medium,
        examples: &[Example {
            title: "A transcript of two lines",
            code: "Start-Transcript session.txt; Write-Output hello; Stop-Transcript; \
                   Get-Content session.txt | Where-Object { $_ -eq 'hello' }",
            output: "Transcript started, output file is …session.txt\nhello\n\
                     Transcript stopped, output file is …session.txt\nhello",
        }],
    },
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Outcome {
    let (name, path) = place(&call)?;
    if !call.should_process("Start-Transcript", &name)? {
        return Ok(());
    }
    let existing = match (call.bound.switch("Append"), call.bound.switch("NoClobber")) {
        (true, _) => Existing::Appended,
        (false, true) => Existing::Kept,
        (false, false) => Existing::Replaced,
    };
    let user = match &call.principal {
        Principal::OsUser { name, .. } | Principal::Vouched { name } => name.clone(),
    };
    let heading = Heading {
        user,
        machine: machine(),
        is_minimal: call.bound.switch("UseMinimalHeader"),
        has_times: call.bound.switch("IncludeInvocationHeader"),
    };
    let shown = path.display().to_string();
    call.context.transcripts.start(path, existing, &heading).map_err(|error| {
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            let message = format!("The file '{name}' exists, and -NoClobber keeps it.");
            ErrorRecord::new(Category::ResourceExists, "FileExists", message)
                .remedy("Give another name, or -Append.")
                .target(name.clone())
        } else {
            files::failure(Category::WriteError, "FileOpenFailure", "opened", &name, &error)
        }
    })?;
    call.emit(format!("Transcript started, output file is {shown}")).await
}

/// The file: its name in messages, and where it lies.
fn place(call: &Call) -> Result<(String, PathBuf), ErrorRecord> {
    if call.context.drive.is_some() {
        let message = "A delegated session is written down anyway, and takes no second transcript.";
        return Err(ErrorRecord::new(Category::InvalidOperation, "TranscriptOfSession", message)
            .remedy("Keep what you need of it on your drive: … | Out-File NAME."));
    }
    match (call.bound.text("Path"), call.bound.text("OutputDirectory")) {
        (Some(name), None) => Ok((name.clone(), files::path(call, &name)?)),
        (None, Some(directory)) => own_name(&files::path(call, &directory)?),
        (None, None) => match (call.context.environment)("HOME").filter(|home| !home.is_empty()) {
            Some(home) => own_name(Path::new(&home)),
            None => Err(ErrorRecord::new(
                Category::ResourceUnavailable,
                "NoHomeDirectory",
                "There is no home directory to put the transcript into.",
            )
            .remedy("Give -Path or -OutputDirectory.")),
        },
        (Some(_), Some(_)) => Err(ErrorRecord::new(
            Category::InvalidArgument,
            "AmbiguousParameterSet",
            "Start-Transcript takes either -Path or -OutputDirectory.",
        )),
    }
}

/// A name that nobody guesses, in a directory.
fn own_name(directory: &Path) -> Result<(String, PathBuf), ErrorRecord> {
    let mut random = [0_u8; 5];
    getrandom::fill(&mut random).map_err(|error| {
        let message = format!("The system gives no random numbers: {error}.");
        ErrorRecord::new(Category::ResourceUnavailable, "NoRandomness", message)
    })?;
    let random: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let time = ZonedDateTime::now().strftime("%Y%m%d%H%M%S").to_string();
    let path = directory.join(format!("imsh_transcript.{}.{random}.{time}.txt", machine()));
    Ok((path.display().to_string(), path))
}

fn machine() -> String {
    nix::unistd::gethostname()
        .map_or_else(|_| "localhost".to_owned(), |name| name.to_string_lossy().into_owned())
}
