# Installs the library to a prefix of its own, then configures, builds and runs a separate project against it.
# usage: cmake -DPROJECT_BUILD=... -DPROJECT_SOURCE=... -DWORK=... -DGENERATOR=... -DCXX=... -DCXX_FLAGS=... -DVERSION=... -P check_install.cmake

cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY OUTPUT_QUIET)
endfunction()

set(prefix ${WORK}/prefix)
set(build ${WORK}/build)
file(REMOVE_RECURSE ${prefix} ${build})
run(${CMAKE_COMMAND} --install ${PROJECT_BUILD} --prefix ${prefix} --component tlsmeter-dev)

# What is installed must not point back into this tree, nor make our warnings the errors of others.
file(GLOB_RECURSE package ${prefix}/*.cmake)
if(NOT package)
  message(FATAL_ERROR "no CMake package below ${prefix}")
endif()
foreach(file IN LISTS package)
  file(READ ${file} text)
  foreach(word -Werror ${PROJECT_SOURCE} ${PROJECT_BUILD})
    string(FIND "${text}" "${word}" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${file} contains ${word}")
    endif()
  endforeach()
endforeach()

# A source that includes every public header, so that none needs another one first or one that is not installed.
file(GLOB headers RELATIVE ${PROJECT_SOURCE}/include ${PROJECT_SOURCE}/include/tlsmeter/*.h)
foreach(header IN LISTS headers)
  string(MAKE_C_IDENTIFIER ${header} name)
  file(WRITE ${build}/headers/${name}.cc "#include <${header}>\n")
endforeach()

run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${build}
  -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${CXX_FLAGS}
  -DEXAMPLES=${PROJECT_SOURCE}/examples -DVERSION=${VERSION})
run(${CMAKE_COMMAND} --build ${build})

execute_process(COMMAND ${build}/client_hello INPUT_FILE ${PROJECT_SOURCE}/examples/client_hello.bin
  COMMAND_ERROR_IS_FATAL ANY OUTPUT_VARIABLE output)
foreach(line "server name  www.example.com" "versions     1.3 1.2" "JA4          t13d")
  string(FIND "${output}" "${line}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "client_hello does not print '${line}':\n${output}")
  endif()
endforeach()
execute_process(COMMAND ${build}/client_hello INPUT_FILE ${CMAKE_CURRENT_LIST_FILE} RESULT_VARIABLE code ERROR_QUIET)
if(NOT code EQUAL 1)
  message(FATAL_ERROR "client_hello ends with ${code}, not 1, on what is no ClientHello")
endif()

# Another minor version is another API before 1.0.0.
execute_process(COMMAND ${CMAKE_COMMAND} -G ${GENERATOR} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${build}/newer
  -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_CXX_COMPILER=${CXX} -DEXAMPLES=${PROJECT_SOURCE}/examples -DVERSION=0.999
  RESULT_VARIABLE code OUTPUT_QUIET ERROR_QUIET)
if(code EQUAL 0)
  message(FATAL_ERROR "find_package(tlsmeter 0.999) finds version ${VERSION}")
endif()
