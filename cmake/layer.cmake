# planlift_layer(NAME SOURCES file... [DEPENDS layer...])
#
# The static library planlift_NAME of this folder. DEPENDS are the layers it may call; outside
# packages are given to it in src/CMakeLists.txt. Headers are included from the project's include/
# and src/: "planlift/status.h", "core/overlay.h".
#
# That the arrows between layers really go one way is proven at link time: planlift_NAME_closed is
# the whole layer linked with nothing but what it names.
add_library(planlift_empty OBJECT "${CMAKE_CURRENT_LIST_DIR}/empty.c")
target_link_libraries(planlift_empty PRIVATE planlift_flags)

function(planlift_layer name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
    if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "planlift_layer(${name}): SOURCES... [DEPENDS...], not ${ARGN}")
    endif()
    list(TRANSFORM arg_DEPENDS PREPEND planlift_)

    add_library(planlift_${name} STATIC ${arg_SOURCES})
    target_include_directories(planlift_${name} PUBLIC
        "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
    target_link_libraries(planlift_${name}
        PUBLIC ${arg_DEPENDS}
        PRIVATE planlift_flags)

    add_executable(planlift_${name}_closed $<TARGET_OBJECTS:planlift_empty>)
    target_link_libraries(planlift_${name}_closed PRIVATE
        planlift_flags $<LINK_LIBRARY:WHOLE_ARCHIVE,planlift_${name}>)
    set_target_properties(planlift_${name}_closed PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/closed")
endfunction()
