//! The page of `gluepot report`: its content, and that a browser shows it without any network request.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::compare::with_curves;
use crate::redactor::snapshot;
use crate::shell::Shell;

/// A page about two variants with three seeds each, under a name that must be escaped in HTML.
fn report() -> (Shell, String) {
    let shell = with_curves("<b>a & \"b\"</b>");
    let done = shell.gluepot(&["report", "-o", "out/report.html", "--plots", "out/plots"]);
    assert_ne!(done.code, 0, "a folder that does not exist");
    assert!(done.err.starts_with("error: cannot write out/report.html"), "{}", done.err);
    std::fs::create_dir(shell.path("out")).unwrap();
    let done = shell.gluepot(&["report", "-o", "out/report.html", "--plots", "out/plots"]);
    assert_eq!(done.code, 0, "{done:?}");
    let page = std::fs::read_to_string(shell.path("out/report.html")).unwrap();
    (shell, page)
}

#[test]
fn the_page_holds_everything_and_names_nothing_outside() {
    let (shell, page) = report();
    for part in [
        "<title>&lt;b&gt;a &amp; &quot;b&quot;&lt;/b&gt;</title>",
        "2e-5",
        "5e-5",
        "95% CI",
        "training loss",
        "validation f1",
        "learning rate",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<b>a") && !page.contains("<script"));
    for outside in ["http:", "https:", "url(", "@import", "src="] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Links lead to the runs.
    for link in
        page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).filter(|link| !link.starts_with("data:"))
    {
        let decoded = link.replace("%3C", "<").replace("%3E", ">");
        assert!(shell.path("out").join(&decoded).join("run.json").exists(), "{link}");
    }
    assert_eq!(page.matches("<svg ").count(), 5);
    assert_eq!(page.matches("<path class=\"point c").count(), 6);
    // Three seeds and a mean for each of two variants.
    assert_eq!(page.matches("<polyline").count(), 4 * (2 * 3 + 2));
}

/// The best of six scores is 0.875, of seed 2 at 5e-5.
#[test]
fn the_page_names_the_best_run_its_checkpoint_and_what_is_the_same_in_all() {
    let shell = with_curves("x");
    let page = || {
        let done = shell.gluepot(&["report", "-o", "-"]);
        assert_eq!((done.code, done.err.as_str()), (0, ""));
        assert!(done.out.starts_with("<!DOCTYPE html>") && done.out.trim_end().ends_with("</html>"));
        done.out
    };
    let run = "runs/2026-11-23T05-04-00Z_x_b2/";
    let without = page();
    assert!(without.contains(&format!("Best run: <a href=\"{run}\">b2</a> (learning_rate 5e-5, seed 2), f1 0.8750.")));
    assert!(!without.contains("checkpoints/best"));
    shell.write(&format!("{run}checkpoints/best/config.json"), "{}");
    assert!(page().contains(&format!("<a href=\"{run}checkpoints/best/\"><code>{run}checkpoints/best</code></a>")));
    let same = without.split("The same in all runs").nth(1).unwrap();
    assert!(same.contains("<dt>data.batch_size</dt><dd>16</dd>") && same.contains("<dt>device</dt><dd>cpu</dd>"));
    for different in ["<dt>learning_rate</dt>", "<dt>seed</dt>", "<dt>logging.every</dt>"] {
        assert!(!same.contains(different), "{different}");
    }
}

/// Remarks are next to the settings of their variant, before any number.
#[test]
fn remarks_are_near_their_variant() {
    let shell = with_curves("x");
    let summary = shell.path("runs/2026-11-23T05-04-00Z_x_b2/summary.json");
    let text = std::fs::read_to_string(&summary).unwrap().replace("\"collapsed\":false", "\"collapsed\":true");
    std::fs::write(&summary, text).unwrap();
    let page = shell.gluepot(&["report", "-o", "-"]).out;
    let header = page.split("<thead>").nth(1).unwrap().split("</thead>").next().unwrap();
    let cells: Vec<&str> = header.split("<th").skip(1).map(|cell| cell.split(['>', '<']).nth(1).unwrap()).collect();
    assert_eq!(&cells[..4], ["", "learning_rate", "remarks", "n"]);
}

/// A page whose best run has this confusion matrix.
fn with_confusion(labels: &[String], counts: &[Vec<usize>]) -> String {
    let shell = with_curves("x");
    let path = shell.path("runs/2026-11-23T05-04-00Z_x_b2/summary.json");
    let mut summary: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    summary["confusion"] = json!({ "labels": labels, "counts": counts });
    std::fs::write(path, summary.to_string()).unwrap();
    let done = shell.gluepot(&["report", "-o", "-"]);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    done.out
}

/// The part of a page from this heading to the next one, an element a line.
fn section(page: &str, heading: &str) -> String {
    let (_, rest) = page.split_once(&format!("<h2>{heading}</h2>")).unwrap_or_else(|| panic!("{heading}: {page}"));
    rest.split("<h2>").next().unwrap().replace("><", ">\n<")
}

#[test]
fn the_confusion_matrix_has_a_row_for_each_true_label() {
    let labels = ["not_equivalent", "<equivalent>"].map(String::from);
    let page = with_confusion(&labels, &[vec![100, 29], vec![0, 1279]]);
    snapshot!("page-confusion", section(&page, "Confusion matrix of the best run"));
    assert!(!with_confusion(&[], &[]).contains("NaN"));
}

/// Of 30 labels, with 100 right predictions each and some of the next label.
#[test]
fn many_labels_have_a_matrix_and_too_many_a_list_of_mistakes() {
    let matrix = |classes: usize| -> (Vec<String>, Vec<Vec<usize>>) {
        let cell = |class: usize, other: usize| match other {
            _ if other == class => 100,
            _ if other == (class + 1) % classes => class + 1,
            _ => 0,
        };
        let labels = (0..classes).map(|class| format!("a label of some length, number {class}")).collect();
        (labels, (0..classes).map(|class| (0..classes).map(|other| cell(class, other)).collect()).collect())
    };
    let (labels, counts) = matrix(30);
    let many = section(&with_confusion(&labels, &counts), "Confusion matrix of the best run");
    assert!(many.contains("<table class=\"confusion many\">"), "{many}");
    assert_eq!(
        (many.matches(" right\"").count(), many.matches(" wrong\"").count(), many.matches("<td>\n</td>").count()),
        (30, 30, 840)
    );
    let (labels, counts) = matrix(60);
    let list = section(&with_confusion(&labels, &counts), "Most frequent mistakes of the best run");
    let first = list.split("<tr>").nth(2).unwrap().lines().map(str::trim).collect::<String>();
    let expected = "<td class=\"pinned\">a label of some length, number 59</td><td>a label of some length, number 0</td>\
                    <td class=\"number\">60</td><td class=\"number\">160</td></tr>";
    assert_eq!((first.as_str(), list.matches("<tr>").count()), (expected, 31));
}

#[test]
fn plots_stand_alone() {
    let (shell, _) = report();
    let mut names: Vec<String> = std::fs::read_dir(shell.path("out/plots"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "by-learning_rate.svg",
            "learning-rate.svg",
            "scores.svg",
            "training-loss.svg",
            "validation-f1.svg",
            "validation-loss.svg"
        ]
    );
    for name in names {
        let svg = std::fs::read_to_string(shell.path("out/plots").join(&name)).unwrap();
        assert!(
            svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" ") && svg.contains("<style>") && svg.ends_with("</svg>"),
            "{name}"
        );
    }
}

/// Serves the files of a folder and records the requests.
fn serve(folder: &Path) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (folder, kept) = (folder.to_path_buf(), Arc::clone(&asked));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(first)) = lines.next() else { continue };
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let path = first.split(' ').nth(1).unwrap_or("/").to_string();
            let body = std::fs::read(folder.join(path.trim_start_matches('/'))).unwrap_or_default();
            kept.lock().unwrap().push(path);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    (port, asked)
}

fn browser() -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome"].into_iter();
    names.map(String::from).find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
}

#[test]
#[ignore = "needs Chromium"]
fn a_browser_opens_the_page_without_an_error_or_a_request() {
    let browser = browser().expect("no Chromium was found");
    let (shell, _) = report();
    let (port, asked) = serve(&shell.path("out"));
    let profile = format!("--user-data-dir={}", shell.path("profile").display());
    let url = format!("http://127.0.0.1:{port}/report.html");
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
        ])
        // No other host resolves, so any other request fails and is logged to the console.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        .args(["--enable-logging=stderr", "--dump-dom", &profile, &url])
        .env("HOME", shell.path(""))
        .output()
        .unwrap();
    let (dom, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    assert_eq!(dom.matches("<svg ").count(), 5, "{dom}");
    assert!(!said.contains("CONSOLE"), "{said}");
    assert_eq!(*asked.lock().unwrap(), ["/report.html"]);
}
