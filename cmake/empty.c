/* A program that does nothing: what cmake/layer.cmake links a whole layer with. */
int main(void)
{
    return 0;
}
