//! What is in force, and where each value came from. Nothing is changed here.

use axum::extract::{Extension, State};
use engine::store::Store;
use maud::html;

use crate::config::origins::Origin;
use crate::dashboard::layout::{self, Place};
use crate::dashboard::{Page, Shared, Viewer};

/// The page.
pub(in crate::dashboard) async fn page<S: Store>(
    State(admin): Shared<S>,
    Extension(visitor): Viewer,
) -> Page {
    let content = html! {
        h1 { "Settings" }
        p {
            "What this process was started with. The file and the environment are read at the "
            "start; secrets are not shown. " code { "payhook config default" }
            " says what each key is for."
        }
        table {
            thead {
                tr {
                    th scope="col" { "Key" }
                    th scope="col" { "Value" }
                    th scope="col" { "From" }
                }
            }
            tbody {
                @for setting in &admin.settings {
                    tr {
                        td data-name="Key" { code { (setting.key) } }
                        td data-name="Value" { code { (setting.value) } }
                        td data-name="From" {
                            @match &setting.origin {
                                Origin::Default => span class="faint" { "default" },
                                Origin::File => "the file",
                                Origin::Environment(variable) => code { (variable) },
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(layout::page(
        &visitor,
        Place::Settings,
        "Settings",
        &content,
    ))
}
