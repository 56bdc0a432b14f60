//! Takes a picture of every page of the console, in both themes and both languages, and of the main ones on a phone.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Parser;
use countersign_suites::browser::{Browser, Format, Scene, Tale, Theme, Window, picture};

/// Takes a picture of every page of the console.
#[derive(Parser)]
struct Args {
    /// Where the packages from npm are.
    #[arg(long)]
    packages: PathBuf,
    /// Where the pictures go.
    #[arg(long)]
    to: PathBuf,
    /// Where the few go that the documentation shows; none are made without it.
    #[arg(long)]
    docs: Option<PathBuf>,
}

/// What the documentation shows: in English, without a phone unless it is named so.
const IN_DOCS: [(&str, Theme); 7] = [
    ("waiting", Theme::Light),
    ("request", Theme::Light),
    ("asked-again", Theme::Light),
    ("question", Theme::Dark),
    ("overview", Theme::Light),
    ("run", Theme::Dark),
    ("phone-request", Theme::Light),
];

/// What fits a page of documentation.
const DOCS_HEIGHT: u32 = 1_400;

/// A page, and what its picture is called.
struct Shot {
    name: String,
    path: String,
    window: Window,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "a program ends by saying where its pictures are")]
async fn main() -> Result<()> {
    let args = Args::parse();
    std::fs::create_dir_all(&args.to)?;
    let scene = Scene::on_sqlite(&args.packages).await?;
    let tale = Tale::tell(&scene).await?;
    for language in ["en", "ru"] {
        let window = Window { language, ..Window::DESK };
        let browser = scene.browser_of("alice", &window).await?;
        for shot in shots(&tale) {
            for theme in Theme::ALL {
                let window = Window { theme, ..shot.window };
                browser.set_window(&window).await?;
                browser.go(&shot.path).await?;
                let name = format!("{}-{language}-{}", shot.name, theme.name());
                take(&browser, &window, Format::Png, &args.to, &name).await?;
                if let Some(docs) = &args.docs
                    && language == "en"
                    && IN_DOCS.contains(&(&shot.name, theme))
                {
                    take(&browser, &window, Format::Webp, docs, &shot.name).await?;
                }
            }
        }
    }
    println!("the pictures are in {}", args.to.display());
    Ok(())
}

async fn take(browser: &Browser, window: &Window, format: Format, folder: &Path, name: &str) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let at_most = match format {
        Format::Png => u32::MAX,
        Format::Webp => DOCS_HEIGHT,
    };
    let taken = picture(browser, window, format, at_most).await?;
    Ok(std::fs::write(folder.join(format!("{name}.{}", format.extension())), taken)?)
}

fn shots(tale: &Tale) -> Vec<Shot> {
    let request = |id: &str| format!("/requests/{id}");
    let pages = [
        ("waiting", "/".to_owned()),
        ("waiting-by-run", "/?group=run".to_owned()),
        ("nothing-found", "/?q=nothing-like-it".to_owned()),
        ("batch", format!("/batch?id={}&id={}", tale.secret, tale.deletion)),
        ("request", request(&tale.secret)),
        ("asked-again", request(&tale.asked_again)),
        ("of-two", request(&tale.deletion)),
        ("question", request(&tale.question)),
        ("applied", request(&tale.applied)),
        ("denied", request(&tale.denied)),
        ("expired", request(&tale.expired)),
        ("answered", request(&tale.answered)),
        ("unknown", request(&tale.unknown)),
        ("overview", "/overview".to_owned()),
        ("requests", "/requests".to_owned()),
        ("runs", "/runs".to_owned()),
        ("run", format!("/runs/{}", tale.run)),
        ("trace-empty", "/trace".to_owned()),
        ("trace", "/trace?issue=acme/shop%2317".to_owned()),
        ("record", "/audit".to_owned()),
        ("entry", format!("/audit/{}", tale.entry)),
        ("policy", "/policy".to_owned()),
        ("account", "/account".to_owned()),
        ("signed-out", "/sign-in/signed-out".to_owned()),
        ("not-found", "/no-such-page".to_owned()),
    ];
    let on_a_phone =
        ["waiting", "batch", "request", "question", "overview", "runs", "run", "trace", "record"];
    let phones = pages.iter().filter(|(name, _)| on_a_phone.contains(name));
    let phones = phones.map(|(name, path)| Shot {
        name: format!("phone-{name}"),
        path: path.clone(),
        window: Window::PHONE,
    });
    let desks = pages.iter().map(|(name, path)| Shot {
        name: (*name).to_owned(),
        path: path.clone(),
        window: Window::DESK,
    });
    desks.chain(phones).collect()
}
