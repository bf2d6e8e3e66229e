#include "src/agent/completion.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace tlsmeter::agent {
namespace {

// What can follow the command: commands below it, and flags.
std::string WordsAfter(const Command& command) {
  std::string words;
  for (const Command& below : command.commands) absl::StrAppend(&words, below.name, " ");
  for (const Flag& flag : command.flags) {
    for (const std::string& name : flag.short_names) absl::StrAppend(&words, "-", name, " ");
    for (const std::string& name : flag.long_names) absl::StrAppend(&words, "--", name, " ");
  }
  if (!words.empty()) words.pop_back();
  return words;
}

// Lines of a shell's `case` over the words before the cursor, joined by blanks: "PATTERN) words='...' ;;".
std::string Cases(const Command& command, const std::string& path) {
  std::string cases;
  for (const Command& below : command.commands) {
    const std::string words = absl::StrCat(path, path.empty() ? "" : "\\ ", below.name);
    cases += Cases(below, words);  // the longer pattern first
    absl::StrAppend(&cases, "    ", words, "|", words, "\\ *) words='", WordsAfter(below), "' ;;\n");
  }
  return cases;
}

std::string Bash(const Command& command) {
  return absl::StrCat(
      "_tlsmeter() {\n"
      "  local words current=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n"
      "  case \"$before\" in\n",
      Cases(command, ""), "    *) words='", WordsAfter(command),
      "' ;;\n"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -o default -F _tlsmeter tlsmeter\n");
}

std::string Zsh(const Command& command) {
  return absl::StrCat(
      "#compdef tlsmeter\n"
      "_tlsmeter() {\n"
      "  local candidates before=\"${words[2,CURRENT-1]}\"\n"
      "  case \"$before\" in\n",
      absl::StrReplaceAll(Cases(command, ""), {{" words=", " candidates="}}), "    *) candidates='", WordsAfter(command),
      "' ;;\n"
      "  esac\n"
      "  compadd -- ${=candidates} || _files\n"
      "}\n"
      "compdef _tlsmeter tlsmeter\n");
}

std::string FishText(const std::string& text) { return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}); }

// What follows the words that lead to `command`, joined by blanks.
std::string FishLines(const Command& command, const std::string& path) {
  std::string lines;
  for (const Command& below : command.commands) {
    absl::StrAppend(&lines, "complete -c tlsmeter -n '__tlsmeter_after \"", path, "\"' -a ", below.name, " -d '",
                    FishText(below.help), "'\n");
    lines += FishLines(below, absl::StrCat(path, path.empty() ? "" : " ", below.name));
  }
  for (const Flag& flag : command.flags) {
    absl::StrAppend(&lines, "complete -c tlsmeter -n '__tlsmeter_after \"", path, path.empty() ? "" : "( .*)?", "\"'");
    for (const std::string& name : flag.short_names) absl::StrAppend(&lines, " -s ", name);
    for (const std::string& name : flag.long_names) absl::StrAppend(&lines, " -l ", name);
    if (flag.takes_value) lines += " -r";
    absl::StrAppend(&lines, " -d '", FishText(flag.help), "'\n");
  }
  return lines;
}

std::string Fish(const Command& command) {
  return absl::StrCat(
      "function __tlsmeter_after\n"
      "  set -l words (commandline -opc)\n"
      "  string match -qr -- \"^$argv[1]\\$\" \"$words[2..-1]\"\n"
      "end\n",
      FishLines(command, ""));
}

}  // namespace

std::string Completion(const Command& program, std::string_view shell) {
  if (shell == "bash") return Bash(program);
  if (shell == "zsh") return Zsh(program);
  return Fish(program);
}

}  // namespace tlsmeter::agent
