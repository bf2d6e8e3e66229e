// The commands and flags that there are, as plain values: what the parser of the command line knows of them (Cli::tree).
#ifndef TLSMETER_SRC_AGENT_COMMAND_TREE_H_
#define TLSMETER_SRC_AGENT_COMMAND_TREE_H_

#include <string>
#include <vector>

namespace tlsmeter::agent {

// Flag is one flag of a command.
struct Flag {
  std::vector<std::string> short_names;  // "o", without the dash
  std::vector<std::string> long_names;   // "output"
  std::string help;                      // a sentence
  std::string type;                      // of its value, for people: "FORMAT"; "" where it takes none
  std::string standard;                  // the value that it has where it is not given, "" for none
  bool takes_value = false;
  bool repeatable = false;
  bool given = false;  // among the arguments that were parsed
};

// Command is one command, or the whole program. Arguments without a flag are left out.
struct Command {
  std::string name;
  std::string help;      // a sentence
  std::string examples;  // the end of its --help
  std::vector<Flag> flags;
  std::vector<Command> commands;
};

}  // namespace tlsmeter::agent

#endif  // TLSMETER_SRC_AGENT_COMMAND_TREE_H_
