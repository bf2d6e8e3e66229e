# find_package(tlsmeter): the target tlsmeter::tlsmeter.
include(CMakeFindDependencyMacro)
find_dependency(OpenSSL)
include(${CMAKE_CURRENT_LIST_DIR}/tlsmeter-targets.cmake)
