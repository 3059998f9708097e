//! Many codes from a file: the upload, the template, and the files of before.

use std::sync::Arc;

use axum::{Extension, Router, routing::get};

use super::{
    answer::{Answer, Handled},
    file::{self, DeskFile},
    imports,
    once::{Once, Sent},
    orders::local,
    visitor::Desk,
};
use crate::{
    authorize::import::{self, FileFault, ImportError, MAX_LINES},
    context::Context,
    officers::Permission,
    portal::{
        layout::Section,
        pages::bulk::{Bulk, COLUMNS, FileProblem, Import, page},
        paths,
    },
};

pub(super) fn routes(context: &Context) -> Router<Arc<Context>> {
    Router::new()
        .route(paths::BULK, get(show).post(upload).layer(file::limit()))
        .route(paths::BULK_TEMPLATE, get(template))
        .layer(Extension(Arc::new(Once::new(context))))
}

async fn show(desk: Desk, Extension(once): Extension<Arc<Once>>) -> Handled {
    desk.must(Permission::IssueCodes)?;
    bulk_page(&desk, &once, None).await
}

async fn template(desk: Desk) -> Handled {
    desk.must(Permission::IssueCodes)?;
    Ok(Answer::csv(
        "truyvet.csv",
        format!("{}\r\n", COLUMNS.join(",")),
    ))
}

async fn upload(Extension(once): Extension<Arc<Once>>, posted: DeskFile) -> Handled {
    let DeskFile {
        desk,
        once: number,
        file,
    } = posted;
    desk.must(Permission::IssueCodes)?;
    let Some(file) = file else {
        return bulk_page(&desk, &once, Some(FileProblem::TooLong)).await;
    };
    let (context, actor) = (Arc::clone(desk.context()), desk.actor.clone());
    let work = async move {
        let imported = import::import(&context, &actor, &file).await?;
        let found = imported.import.as_ref();
        let import_id = found.map_or_else(String::new, |found| found.record.import_id.clone());
        Ok((imported, import_id))
    };
    let sent = once.run(desk.context(), &desk.session, &number, work);
    match sent.await {
        Ok(Sent::First(imported)) => Ok(imports::checked(&desk, imported)),
        Ok(Sent::Before(import_id)) if import_id.is_empty() => Ok(Answer::to(paths::BULK)),
        Ok(Sent::Before(import_id)) => Ok(Answer::to(&imports::address(&import_id))),
        Ok(Sent::Stale) => bulk_page(&desk, &once, Some(FileProblem::TooOld)).await,
        Err(ImportError::File(fault)) => bulk_page(&desk, &once, Some(problem(fault))).await,
        Err(error) => Err(desk.fail(imports::failure(&desk, &error))),
    }
}

fn problem(fault: FileFault) -> FileProblem {
    match fault {
        FileFault::TooLong => FileProblem::TooLong,
        FileFault::TooManyLines => FileProblem::TooManyRows {
            limit: MAX_LINES as u64,
        },
        FileFault::Encoding => FileProblem::Unreadable,
        FileFault::Empty => FileProblem::Empty,
        FileFault::MissingColumn { column } => FileProblem::MissingColumn {
            column: column.name(),
        },
        FileFault::RepeatedColumn { column } => FileProblem::RepeatedColumn {
            column: column.name(),
        },
        FileFault::UnknownColumn { number } => FileProblem::ForeignColumn {
            position: number as u64,
        },
    }
}

async fn bulk_page(desk: &Desk, once: &Once, problem: Option<FileProblem>) -> Handled {
    let imports = import::list_imports(desk.context(), &desk.actor)
        .await
        .map_err(|error| desk.fail(imports::failure(desk, &error)))?;
    let imports = imports.into_iter().map(|import| Import {
        uploaded_at: local(desk, import.record.created_at),
        rows: import.record.lines.into(),
        issued: imports::issued(&import.sheets),
        import: import.record.import_id,
    });
    let view = Bulk {
        problem,
        once: once.number(desk.context(), &desk.session),
        imports: imports.collect(),
    };
    let chrome = desk.chrome(Section::Bulk);
    Ok(desk.visitor.show(page(desk.texts(), &chrome, &view)))
}
