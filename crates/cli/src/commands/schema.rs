//! `schema`: what a script may rely on in a `--json` report.

use engine::plan_file::PlanFile;
use engine::report::{ImageReport, ListReport, PurgeReport, RetagReport, RetireReport, RunReport, SimulateReport, StatusReport};
use schemars::schema_for;

use crate::args::Document;
use crate::commands::policy;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;

/// Prints the JSON Schema.
pub fn run(document: Document) -> Result<ExitCode, Failure> {
    let schema = match document {
        Document::Image => schema_for!(ImageReport),
        Document::Purge => schema_for!(PurgeReport),
        Document::List => schema_for!(ListReport),
        Document::Status => schema_for!(StatusReport),
        Document::Run => schema_for!(RunReport),
        Document::Plan => schema_for!(PlanFile),
        Document::Simulate => schema_for!(SimulateReport),
        Document::Retag => schema_for!(RetagReport),
        Document::Retire => schema_for!(RetireReport),
        Document::PolicyCheck => schema_for!(policy::CheckedPolicy),
        Document::PolicyShow => schema_for!(policy::ShownPolicy),
    };
    output::print_json(&schema)?;
    Ok(ExitCode::Done)
}
