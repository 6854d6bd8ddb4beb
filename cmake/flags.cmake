# How every C file of the project is compiled: the target planlift_flags.
include(CheckPIESupported)
check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)

add_library(planlift_flags INTERFACE)
target_compile_definitions(planlift_flags INTERFACE _POSIX_C_SOURCE=200809L)
target_compile_options(planlift_flags INTERFACE
    -UNDEBUG # assertions stay in every kind of build; CMake's own defaults drop them
    -Wall -Wextra -Wpedantic
    -Wshadow -Wconversion -Wsign-conversion
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
    -Wvla -Wundef -Wcast-qual -Wpointer-arith -Wwrite-strings
    -Wformat=2 -Wimplicit-fallthrough -Wnull-dereference
    # librdkafka's RD_KAFKA_V_* macros are such expressions, as its headers give them.
    $<$<C_COMPILER_ID:Clang>:-Wno-gnu-statement-expression>
    $<$<C_COMPILER_ID:GNU>:-Wcast-align=strict -Wduplicated-cond -Wduplicated-branches -Wlogical-op>
    $<$<BOOL:${PLANLIFT_WERROR}>:-Werror>
    -fno-common -fstack-protector-strong)
target_link_options(planlift_flags INTERFACE
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)

if(PLANLIFT_SANITIZE)
    # GCC's flow analysis sees the inserted checks as paths of the program: those two warnings are
    # judged in the other builds.
    target_compile_options(planlift_flags INTERFACE
        -fsanitize=${PLANLIFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer
        -Wno-null-dereference $<$<C_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
    target_link_options(planlift_flags INTERFACE -fsanitize=${PLANLIFT_SANITIZE})
elseif(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    # Fortified calls need an optimising build, and hide from the sanitizers what they look for.
    target_compile_options(planlift_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()

if(PLANLIFT_SANITIZE STREQUAL "thread")
    add_library(planlift_tsan_threads OBJECT "${CMAKE_CURRENT_LIST_DIR}/tsan_threads.c")
    target_link_libraries(planlift_tsan_threads PRIVATE planlift_flags)
    target_sources(planlift_flags INTERFACE
        $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:$<TARGET_OBJECTS:planlift_tsan_threads>>)
endif()
