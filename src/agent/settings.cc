#include "src/agent/settings.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/agent/cli.h"
#include "src/base/yaml_reader.h"

namespace tlsmeter::agent {
namespace {

const std::string& NameOf(const Flag& flag) { return flag.long_names.front(); }

std::vector<std::string> ArgumentsOf(const Setting& setting) {
  std::vector<std::string> arguments;
  for (const std::string& value : setting.values) arguments.push_back(absl::StrCat("--", setting.flag, "=", value));
  return arguments;
}

// What the flag says of these values; "" when it takes them.
std::string Objection(const Setting& setting) {
  std::vector<std::string> arguments = ArgumentsOf(setting);
  arguments.insert(arguments.begin(), setting.command);
  const absl::Status status = Cli().Parse(arguments);
  if (absl::IsFailedPrecondition(status)) return "";  // values come before what else the command needs
  return std::string(status.message());
}

std::vector<Command> CommandsWithSettings() {
  std::vector<Command> commands = Cli().tree().commands;
  std::erase_if(commands, [](const Command& command) { return SettingsOf(command).empty(); });
  return commands;
}

std::string Names(const std::vector<Command>& commands) {
  std::string names;
  for (const Command& command : commands) absl::StrAppend(&names, names.empty() ? "" : ", ", command.name);
  return names;
}

Setting ReadSetting(const Command& command, const YAML::Node& at, const std::string& key, const YAML::Node& value,
                    std::string_view file) {
  const std::vector<Flag> flags = SettingsOf(command);
  const auto flag = std::find_if(flags.begin(), flags.end(), [&key](const Flag& known) { return NameOf(known) == key; });
  if (flag == flags.end()) {
    std::string known;
    for (const Flag& each : flags) absl::StrAppend(&known, known.empty() ? "" : ", ", NameOf(each));
    yaml::FailUnknown(at, key, known);
  }
  Setting setting{command.name, key, {}, absl::StrCat(std::string(file), ":", yaml::PlaceOf(value))};
  if (value.IsSequence() && flag->repeatable) {
    for (const YAML::Node& element : value) setting.values.push_back(yaml::Scalar(element, "a value"));
  } else {
    setting.values.push_back(yaml::Scalar(value, key));
  }
  if (const std::string objection = Objection(setting); !objection.empty()) yaml::Fail(value, objection);
  return setting;
}

const Setting* Find(const std::vector<Setting>& settings, const std::string& command, const std::string& flag) {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& setting) {
    return setting.command == command && setting.flag == flag;
  });
  return found != settings.end() ? &*found : nullptr;
}

std::string Quoted(const std::string& value) { return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}}), "'"); }

std::string YamlValue(const Setting& setting) {
  if (setting.values.size() == 1) return Quoted(setting.values.front());
  std::string list;
  for (const std::string& value : setting.values) absl::StrAppend(&list, list.empty() ? "" : ", ", Quoted(value));
  return absl::StrCat("[", list, "]");
}

}  // namespace

std::vector<Flag> SettingsOf(const Command& command) {
  std::vector<Flag> settings = command.flags;
  std::erase_if(settings, [](const Flag& flag) {
    return flag.long_names.empty() || NameOf(flag) == "help" || NameOf(flag) == "config";
  });
  return settings;
}

std::string VariableOf(std::string_view flag) {
  return absl::StrCat("TLSMETER_", absl::AsciiStrToUpper(absl::StrReplaceAll(std::string(flag), {{"-", "_"}, {".", "_"}})));
}

absl::StatusOr<std::vector<Setting>> ParseSettings(const std::string& text, std::string_view file) {
  const std::vector<Command> commands = CommandsWithSettings();
  std::vector<Setting> settings;
  const absl::Status status = yaml::Read(text, file, [&](const YAML::Node& root) {
    yaml::ForEachMember(root, "the file", [&](const YAML::Node& at, const std::string& name, const YAML::Node& members) {
      const auto command =
          std::find_if(commands.begin(), commands.end(), [&name](const Command& each) { return each.name == name; });
      if (command == commands.end()) yaml::FailUnknown(at, name, Names(commands));
      yaml::ForEachMember(members, name, [&](const YAML::Node& key_at, const std::string& key, const YAML::Node& value) {
        settings.push_back(ReadSetting(*command, key_at, key, value, file));
      });
    });
  });
  if (!status.ok()) return status;
  return settings;
}

absl::StatusOr<std::vector<Setting>> LoadSettings(const std::string& file) {
  if (file.empty() && !std::filesystem::exists(kDefaultConfigFile)) return std::vector<Setting>();
  const std::string path = file.empty() ? kDefaultConfigFile : file;
  std::ifstream stream(path, std::ios::binary);
  std::string text(kMaxConfigBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad()) {
    return absl::NotFoundError(absl::StrCat("cannot read the configuration file ", path, ": ", strerror(errno)));
  }
  text.resize(static_cast<size_t>(stream.gcount()));
  if (text.size() > kMaxConfigBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": longer than ", kMaxConfigBytes, " bytes"));
  }
  return ParseSettings(text, path);
}

absl::StatusOr<std::vector<Setting>> EnvironmentSettings(const Command& command) {
  std::vector<Setting> settings;
  for (const Flag& flag : SettingsOf(command)) {
    const std::string variable = VariableOf(NameOf(flag));
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') continue;
    Setting setting{command.name, NameOf(flag), {value}, variable};
    if (flag.repeatable) setting.values = absl::StrSplit(value, ',');
    if (const std::string objection = Objection(setting); !objection.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("environment variable ", variable, ": ", objection));
    }
    settings.push_back(std::move(setting));
  }
  return settings;
}

absl::StatusOr<std::vector<std::string>> ArgumentsWith(std::vector<std::string> arguments, const Command& parsed,
                                                       const std::string& file) {
  absl::StatusOr<std::vector<Setting>> from_file = LoadSettings(file);
  if (!from_file.ok()) return from_file.status();
  absl::StatusOr<std::vector<Setting>> from_environment = EnvironmentSettings(parsed);
  if (!from_environment.ok()) return from_environment.status();
  std::vector<std::string> all = {arguments.front()};
  for (const Flag& flag : SettingsOf(parsed)) {
    if (flag.given) continue;
    const Setting* setting = Find(*from_environment, parsed.name, NameOf(flag));
    if (setting == nullptr) setting = Find(*from_file, parsed.name, NameOf(flag));
    if (setting == nullptr) continue;
    for (std::string& argument : ArgumentsOf(*setting)) all.push_back(std::move(argument));
  }
  all.insert(all.end(), arguments.begin() + 1, arguments.end());
  return all;
}

absl::StatusOr<std::string> EffectiveText(const std::string& file) {
  const absl::StatusOr<std::vector<Setting>> from_file = LoadSettings(file);
  if (!from_file.ok()) return from_file.status();
  std::string text;
  for (const Command& command : CommandsWithSettings()) {
    const absl::StatusOr<std::vector<Setting>> from_environment = EnvironmentSettings(command);
    if (!from_environment.ok()) return from_environment.status();
    absl::StrAppend(&text, command.name, ":\n");
    for (const Flag& flag : SettingsOf(command)) {
      const std::string& name = NameOf(flag);
      const Setting* setting = Find(*from_environment, command.name, name);
      if (setting == nullptr) setting = Find(*from_file, command.name, name);
      if (setting != nullptr) {
        absl::StrAppend(&text, "  ", name, ": ", YamlValue(*setting), "  # ", setting->source, "\n");
      } else if (!flag.standard.empty()) {
        absl::StrAppend(&text, "  ", name, ": ", Quoted(flag.standard), "  # default\n");
      } else {
        absl::StrAppend(&text, "  # ", name, ": not set\n");
      }
    }
  }
  return text;
}

}  // namespace tlsmeter::agent
