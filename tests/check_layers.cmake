# A stage includes what precedes it in the flow and nothing to its right; only two files know the BPF contract.
# usage: cmake -DROOT=SOURCE_DIR -P check_layers.cmake

cmake_minimum_required(VERSION 3.25)

# STAGE may include headers of itself, of the library, and of the stages that follow in the list.
function(check stage)
  file(GLOB files ${ROOT}/src/${stage}/*.cc ${ROOT}/src/${stage}/*.h)
  if(NOT files)
    message(SEND_ERROR "no files in src/${stage}: this check looks at nothing")
  endif()
  foreach(file IN LISTS files)
    file(STRINGS ${file} includes REGEX "^#include \"(src|bpf)/")
    foreach(line IN LISTS includes)
      string(REGEX REPLACE "^#include \"(src/)?([a-z]+)/.*" "\\2" to "${line}")
      set(allowed ${stage} ${ARGN})
      if(file MATCHES "/capture/(bpf_source|event_decoder)\\.cc$")
        list(APPEND allowed bpf)
      endif()
      if(NOT to IN_LIST allowed)
        file(RELATIVE_PATH name ${ROOT} ${file})
        message(SEND_ERROR "${name}: ${line}: ${stage} must not know ${to}")
      endif()
    endforeach()
  endforeach()
endfunction()

check(tls)
check(base)
check(capture base)
check(correlate capture base)
check(aggregate correlate capture base)
check(export aggregate correlate capture base)
check(agent export aggregate correlate capture base)
