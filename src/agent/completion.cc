#include "src/agent/completion.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace tlsmeter::agent {
namespace {

std::vector<const CLI::App*> CommandsOf(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<const CLI::Option*> FlagsOf(const CLI::App& app) {
  return app.get_options([](const CLI::Option* option) { return option->nonpositional(); });
}

// What can follow the command: commands below it, and flags.
std::string WordsAfter(const CLI::App& app) {
  std::string words;
  for (const CLI::App* command : CommandsOf(app)) absl::StrAppend(&words, command->get_name(), " ");
  for (const CLI::Option* flag : FlagsOf(app)) {
    for (const std::string& name : flag->get_snames()) absl::StrAppend(&words, "-", name, " ");
    for (const std::string& name : flag->get_lnames()) absl::StrAppend(&words, "--", name, " ");
  }
  if (!words.empty()) words.pop_back();
  return words;
}

// Lines of a shell's `case` over the words before the cursor, joined by blanks: "PATTERN) words='...' ;;".
std::string Cases(const CLI::App& app, const std::string& path) {
  std::string cases;
  for (const CLI::App* command : CommandsOf(app)) {
    const std::string below = absl::StrCat(path, path.empty() ? "" : "\\ ", command->get_name());
    cases += Cases(*command, below);  // the longer pattern first
    absl::StrAppend(&cases, "    ", below, "|", below, "\\ *) words='", WordsAfter(*command), "' ;;\n");
  }
  return cases;
}

std::string Bash(const CLI::App& app) {
  return absl::StrCat(
      "_tlsmeter() {\n"
      "  local words current=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\"\n"
      "  case \"$before\" in\n",
      Cases(app, ""), "    *) words='", WordsAfter(app),
      "' ;;\n"
      "  esac\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
      "}\n"
      "complete -o default -F _tlsmeter tlsmeter\n");
}

std::string Zsh(const CLI::App& app) {
  return absl::StrCat(
      "#compdef tlsmeter\n"
      "_tlsmeter() {\n"
      "  local candidates before=\"${words[2,CURRENT-1]}\"\n"
      "  case \"$before\" in\n",
      absl::StrReplaceAll(Cases(app, ""), {{" words=", " candidates="}}), "    *) candidates='", WordsAfter(app),
      "' ;;\n"
      "  esac\n"
      "  compadd -- ${=candidates} || _files\n"
      "}\n"
      "compdef _tlsmeter tlsmeter\n");
}

std::string FishText(const std::string& text) { return absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"'", "\\'"}}); }

// What follows the words that lead to `app`, joined by blanks.
std::string FishLines(const CLI::App& app, const std::string& path) {
  std::string lines;
  for (const CLI::App* command : CommandsOf(app)) {
    absl::StrAppend(&lines, "complete -c tlsmeter -n '__tlsmeter_after \"", path, "\"' -a ", command->get_name(), " -d '",
                    FishText(command->get_description()), "'\n");
    lines += FishLines(*command, absl::StrCat(path, path.empty() ? "" : " ", command->get_name()));
  }
  for (const CLI::Option* flag : FlagsOf(app)) {
    absl::StrAppend(&lines, "complete -c tlsmeter -n '__tlsmeter_after \"", path, path.empty() ? "" : "( .*)?", "\"'");
    for (const std::string& name : flag->get_snames()) absl::StrAppend(&lines, " -s ", name);
    for (const std::string& name : flag->get_lnames()) absl::StrAppend(&lines, " -l ", name);
    if (flag->get_items_expected_max() > 0) lines += " -r";
    absl::StrAppend(&lines, " -d '", FishText(flag->get_description()), "'\n");
  }
  return lines;
}

std::string Fish(const CLI::App& app) {
  return absl::StrCat(
      "function __tlsmeter_after\n"
      "  set -l words (commandline -opc)\n"
      "  string match -qr -- \"^$argv[1]\\$\" \"$words[2..-1]\"\n"
      "end\n",
      FishLines(app, ""));
}

}  // namespace

std::string Completion(const CLI::App& app, std::string_view shell) {
  if (shell == "bash") return Bash(app);
  if (shell == "zsh") return Zsh(app);
  return Fish(app);
}

}  // namespace tlsmeter::agent
