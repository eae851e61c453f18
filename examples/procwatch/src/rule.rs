//! Rules as people write them: `name=nginx`, `cpu>80`, `name=chrome,memory>500`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::wire::{Process, Rule};

impl Rule {
    /// Whether all that it says holds for a process.
    pub fn fits(&self, process: &Process) -> bool {
        let is_named = |part: &String| process.name.contains(part);
        let is_above = |mib: &u32| process.memory_kib > u64::from(*mib) * KIB_PER_MIB;
        self.name.as_ref().is_none_or(is_named)
            && self
                .cpu_above
                .is_none_or(|least| process.cpu_percent > least)
            && self.memory_above.as_ref().is_none_or(is_above)
    }
}

/// A text is no rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{condition:?} is no condition; there are name=PART, cpu>PERCENT and memory>MIB")]
pub struct RuleError {
    /// What cannot be understood.
    pub condition: String,
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let mut rule = Self::default();
        for condition in text.split(',') {
            let wrong = || RuleError {
                condition: condition.to_owned(),
            };
            let number = |text: &str| text.parse().map(Some).map_err(|_| wrong());
            match condition.split_at_checked(condition.find(['=', '>']).unwrap_or(0) + 1) {
                Some(("name=", name)) if !name.is_empty() => rule.name = Some(name.to_owned()),
                Some(("cpu>", percent)) => rule.cpu_above = number(percent)?,
                Some(("memory>", mib)) => rule.memory_above = number(mib)?,
                _ => return Err(wrong()),
            }
        }
        Ok(rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_ref().map(|name| format!("name={name}"));
        let cpu = self.cpu_above.map(|least| format!("cpu>{least}"));
        let memory = self.memory_above.map(|least| format!("memory>{least}"));
        let conditions: Vec<_> = [name, cpu, memory].into_iter().flatten().collect();
        f.write_str(&conditions.join(","))
    }
}

const KIB_PER_MIB: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_as_they_are_read() {
        for text in ["name=ssh", "cpu>80", "name=a b,cpu>0,memory>500"] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_condition_is_named() {
        for text in [
            "",
            "name=",
            "name>a",
            "cpu=1",
            "cpu>x",
            "memory>-1",
            "pid=1",
        ] {
            let error = format!("name=a,{text}").parse::<Rule>().unwrap_err();
            assert_eq!(error.condition, text);
        }
    }

    #[test]
    fn all_that_a_rule_says_has_to_hold() {
        let process = Process {
            name: "nginx".to_owned(),
            cpu_percent: 50,
            memory_kib: 2048,
            ..Process::default()
        };
        for (text, fits) in [
            ("name=gin", true),
            ("name=apache", false),
            ("cpu>49", true),
            ("cpu>50", false),
            ("memory>1", true),
            ("memory>2", false),
            ("name=gin,cpu>50", false),
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().fits(&process), fits, "{text}");
        }
    }
}
