//! Links between the documents of the project.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Links in Markdown files under `root` that lead nowhere, one line each.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn broken(root: &Path) -> Result<Vec<String>> {
    let mut broken = Vec::new();
    visit(root, root, &mut broken)?;
    Ok(broken)
}

fn visit(root: &Path, directory: &Path, broken: &mut Vec<String>) -> Result<()> {
    let shown = |path: &Path| {
        path.strip_prefix(root)
            .unwrap_or(path)
            .display()
            .to_string()
    };
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !LEFT_OUT.contains(&&*name) {
                visit(root, &path, broken)?;
            }
        } else if name.ends_with(".md") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let leads_nowhere = |(line, target): (usize, &str)| {
                let problem = problem(&path, &text, target)?;
                Some(format!("{}:{line}: {target}: {problem}", shown(&path)))
            };
            broken.extend(links(&text).into_iter().filter_map(leads_nowhere));
        }
    }
    Ok(())
}

/// Targets of the links in a text, with their lines; code is not looked into.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    let mut is_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        // Parts between backticks are code, too.
        for part in line.split('`').step_by(2) {
            let targets = part
                .split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next());
            links.extend(targets.map(|target| (number, target)));
        }
        if let Some((name, target)) = line.split_once("]: ")
            && name.starts_with('[')
        {
            links.push((number, target.trim()));
        }
    }
    links
}

/// Why a target leads nowhere; none for those elsewhere in the world.
fn problem(path: &Path, text: &str, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let place = path
        .parent()
        .map_or_else(|| file.into(), |folder| folder.join(file));
    if !file.is_empty() && !place.exists() {
        return Some("there is no such file");
    }
    let is_document = file.is_empty() || file.ends_with(".md");
    if anchor.is_empty() || !is_document {
        return None;
    }
    let other = fs::read_to_string(&place).unwrap_or_default();
    let text = if file.is_empty() { text } else { &other };
    let is_there = text
        .lines()
        .any(|line| line.starts_with('#') && anchor_of(line) == anchor);
    (!is_there).then_some("there is no such heading")
}

/// The anchor that public forges give to a heading.
fn anchor_of(heading: &str) -> String {
    let title = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = title.chars().filter_map(|letter| match letter {
        ' ' => Some('-'),
        '-' | '_' => Some(letter),
        _ => letter.is_alphanumeric().then_some(letter),
    });
    kept.collect()
}

/// Folders that hold nothing of ours.
const LEFT_OUT: [&str; 4] = ["target", ".git", "corpus", "artifacts"];

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<&'static str> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample.md");
        let links = links(text).into_iter();
        links
            .filter_map(|(_, target)| problem(&here, text, target))
            .collect()
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for text in [
            "see [this](lost.md)",
            "[a](Cargo.toml) and [b](lost/Cargo.toml)",
            "[name]: lost.md",
            "# One two\n[there](#one-three)",
        ] {
            assert_eq!(problems(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn links_that_lead_somewhere_and_code_are_fine() {
        let text = "# 1. One, `two`\n[a](Cargo.toml) [b](https://example.org/lost) [c](#1-one-two)\n\
                    `[d](lost)`\n```text\n[e](lost)\n```\n[f]: src/main.rs";
        assert_eq!(problems(text), Vec::<&str>::new());
    }
}
