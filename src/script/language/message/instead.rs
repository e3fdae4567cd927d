//! Names of PowerShell's that mean nothing here, and the way to what each is mostly used for.
//!
//! Code to write instead stands behind `write: `, as in `refused`.

/// Our way to what a cmdlet of PowerShell's is mostly used for.
pub(super) fn instead(cmdlet: &str) -> Option<&'static str> {
    let cmdlet = cmdlet.to_ascii_lowercase();
    INSTEAD.iter().find(|(names, _)| names.contains(&cmdlet.as_str())).map(|(_, way)| *way)
}

/// Cmdlets of PowerShell's by their names in small letters, and what takes their place.
const INSTEAD: &[(&[&str], &str)] = &[
    (&["write-information", "write-debug"], "write: Write-Verbose …, or Write-Host …"),
    (&["set-variable", "new-variable"], "write: $name = …"),
    (&["get-variable", "clear-variable", "remove-variable"], "write: $name, or $name = $null"),
    (&["new-object"], "write: [pscustomobject]@{ Name = $value }, or $list = @()"),
    (&["add-member"], "write: … | Select-Object *, @{ Name = \"New\"; Expression = { … } }"),
    (&["invoke-command"], "commands run where they stand; write: function Name { … }"),
    (
        &["start-job", "start-threadjob", "receive-job", "wait-job", "get-job", "remove-job"],
        "write: … | ForEach-Object -Parallel { … }",
    ),
    (&["invoke-expression"], "text is not run; write: function Name($first, $second) { … }"),
    (
        &["invoke-webrequest", "invoke-restmethod"],
        "imsh speaks XMPP alone; of what another program has fetched, write: Get-Content name -Raw | ConvertFrom-Json",
    ),
    (&["set-content", "new-item"], "write: … | Out-File name"),
    (&["add-content"], "write: … | Out-File name -Append"),
    (&["clear-content"], "write: \"\" | Out-File name"),
    (&["select-string"], "write: … | Where-Object { $_ -match \"…\" }"),
    (&["out-default"], "what no pipe takes is shown"),
    (&["out-gridview", "show-command"], "write: … | Format-Table, or … | ConvertTo-Html | Out-File name"),
    (
        &["import-module", "add-pssnapin", "install-module", "get-module", "remove-module"],
        "every cmdlet is there from the beginning; leave it out",
    ),
    (
        &[
            "new-cssession",
            "new-pssession",
            "enter-pssession",
            "exit-pssession",
            "remove-pssession",
            "import-pssession",
        ],
        "imsh talks to the pools itself; leave it out",
    ),
    (&["clear-host"], "Ctrl-L clears the screen"),
    (&["get-random"], "there is no chance here; write: … | Select-Object -First 1"),
    (&["get-unique"], "write: … | Sort-Object -Unique"),
    (&["new-timespan"], "write: $end - $start, or [timespan]\"00:05:00\""),
    (
        &[
            "get-childitem",
            "get-item",
            "test-path",
            "remove-item",
            "copy-item",
            "move-item",
            "rename-item",
            "set-location",
            "get-location",
            "push-location",
            "pop-location",
            "join-path",
            "split-path",
            "resolve-path",
        ],
        "imsh reads and writes files by name, and does nothing else with them; write: Get-Content name, or … | Out-File name",
    ),
    (
        &[
            "get-process",
            "get-service",
            "start-process",
            "stop-process",
            "restart-service",
            "start-service",
            "stop-service",
            "get-eventlog",
            "get-winevent",
            "get-wmiobject",
            "get-ciminstance",
            "restart-computer",
        ],
        "imsh looks at pools and partners, and not at this machine; write: Get-Pool",
    ),
    (
        &["test-connection", "test-netconnection", "resolve-dnsname"],
        "write: Test-FederatedPartner -Domain contoso.com, or Test-Registration -TargetFqdn $pool",
    ),
    (
        &["set-strictmode", "set-executionpolicy", "set-psdebug", "set-psbreakpoint"],
        "a variable that is not there is an error in any case; leave it out",
    ),
    (&["convertfrom-stringdata"], "write: @{ Name = \"value\" }"),
    (
        &["convertto-securestring", "convertfrom-securestring"],
        "a password is asked for, or read; write: Get-Credential kenmyer -FromFile file",
    ),
    (&["convertto-xml", "export-clixml"], "write: … | ConvertTo-Json | Out-File name"),
    (&["import-clixml"], "write: Get-Content name -Raw | ConvertFrom-Json"),
    (
        &["send-mailmessage"],
        "imsh shows what it found; a program that sends mail reads it: imsh -o json -c '…'",
    ),
    (
        &["get-host", "get-culture", "get-uiculture", "get-timezone"],
        "imsh --version says which version runs; times are shown in UTC",
    ),
    (&["wait-event", "register-objectevent"], "write: Start-Sleep 5"),
    (&["format-wide", "format-custom"], "write: … | Format-Table, or … | Format-List"),
    (&["get-error"], "write: $Error[0]"),
    (&["out-printer"], "write: … | Out-File name"),
    (&["trace-command"], "write: … -Verbose"),
];

/// The way to what a variable of PowerShell's own stands for, by its name in small letters.
pub(in crate::script::language) fn automatic(name: &str) -> Option<&'static str> {
    AUTOMATIC.iter().find(|(own, _)| *own == name).map(|(_, way)| *way)
}

/// Variables of PowerShell's own by their names in small letters, and what takes their place.
const AUTOMATIC: &[(&str, &str)] = &[
    (
        "lastexitcode",
        "no other programs run here; whether the last command went well, and the status of imsh, write: $?, and exit 3",
    ),
    ("psversiontable", "imsh --version says which version runs"),
    ("pshome", "imsh --version says which version runs"),
    ("host", "Write-Host shows text, and imsh --version says which version runs"),
    ("pwd", "files are named from the directory that imsh was started in"),
    (
        "psscriptroot",
        "files are named from the directory that imsh was started in; import finds modules beside the script",
    ),
    ("pscommandpath", "a script does not see where it lies; pass it as an argument, and write: $args[0]"),
    ("myinvocation", "a script does not see how it was called; of its arguments, write: $args"),
    ("psboundparameters", "a parameter that was not given is nothing; write: $null -ne $x"),
    ("pscmdlet", "a function has its parameters and $args, and nothing else"),
    ("executioncontext", "there is nothing to set up; leave it out"),
    ("stacktrace", "an error that is not caught shows the calls that led to it"),
    ("ofs", "write: $list -join \", \""),
    ("input", "a function takes its values as arguments; write: … | ForEach-Object { Name $_ }"),
    ("pid", "a script does not see its process"),
    ("profile", "Get-Help about_Shell says where the profile lies"),
    ("iswindows", "there is only Linux here"),
];
